// The vote as it stands: nothing of it can be changed.
import { html } from "../shared/dom.js";
import { Hex, Moment, Row } from "../status/bits.js";
import { payoutOf } from "./ballot.js";
import { Pays } from "./pays.js";

export function Recorded({ t, dispute, vote, receipt }) {
  return html`<section class="card your-vote" aria-labelledby="vote-title">
    <h2 id="vote-title">${t.text("recorded.title")}</h2>
    <p class="recorded-share">
      <strong>${t.percent(vote.share)}</strong>
      <span class="stage stage-${vote.stage}">${t.text(`stage.${vote.stage}`)}</span>
    </p>
    <p role="status">${t.text(`recorded.stage.${vote.stage}`)}</p>
    <${Pays} t=${t} dispute=${dispute} paid=${payoutOf(dispute, vote.share)} />
    <dl class="rows">
      <${Row} term=${t.text("recorded.accepted")}><${Moment} t=${t} iso=${vote.accepted_at} /><//>
      <${Row} term=${t.text("vote.conflict")}>${vote.conflict ? t.text("recorded.conflict.none") : null}<//>
      <${Row} term=${t.text("vote.grounds")}>${vote.grounds.length ? vote.grounds.map((code) => t.text(`ground.${code}`)).join(" · ") : null}<//>
      <${Row} term=${t.text("vote.words")}>${vote.reason && html`<span class="own-words" dir="auto">${vote.reason}</span>`}<//>
      <${Row} term=${t.text("recorded.commitment")}><${Hex} value=${vote.commitment} whole /><//>
    </dl>
    <p class="quiet">${t.text("recorded.final")}</p>
    ${receipt && html`<details class="more"><summary>${t.text("recorded.receipt")}</summary><p><code class="jws">${receipt.jws}</code></p></details>`}
  </section>`;
}
