// "What you sign": in words, beside the exact fields of the message (EIP-712), before anything is signed.
import { Component, html } from "../shared/dom.js";
import { Moment, Row } from "../status/bits.js";
import { payoutOf } from "./ballot.js";
import { KeyPicker } from "./key_picker.js";
import { Pays } from "./pays.js";
import { KeyTrouble } from "../shared/trouble.js";

export class Review extends Component {
  /** A step of its own: whoever works by keyboard or ear is taken to its beginning. */
  componentDidMount() {
    document.getElementById("review-title").focus();
  }

  render({ t, dispute, review, session, signer, isBusy, onSigner, onSend, onBack }) {
    const { body, prepared } = review;
    const needsKey = prepared !== null && !signer;
    const take = async (chosen) => {
      if (chosen.address !== session.address) throw new KeyTrouble("other_key");
      onSigner(chosen);
    };
    return html`<div class="review">
      <h3 id="review-title" tabindex="-1">${t.text("review.title")}</h3>
      <${InWords} t=${t} dispute=${dispute} body=${body} />
      ${prepared && html`<${Fields} t=${t} prepared=${prepared} />`}
      ${needsKey && html`<div class="unlock"><h3>${t.text("review.unlock")}</h3><${KeyPicker} t=${t} onSigner=${take} /></div>`}
      <div class="actions">
        ${!needsKey &&
        html`<button type="button" class="button primary" disabled=${isBusy} onClick=${onSend}>
          ${t.text(isBusy ? "review.sending" : prepared ? "review.sign" : "review.send")}
        </button>`}
        <button type="button" class="button" disabled=${isBusy} onClick=${onBack}>${t.text("review.back")}</button>
      </div>
    </div>`;
  }
}

function InWords({ t, dispute, body }) {
  const paid = payoutOf(dispute, body.share);
  const values = {
    reference: dispute.reference,
    percent: t.percent(body.share),
    amount: t.money(paid.consumer, dispute.refund.currency),
  };
  return html`<div class="in-words">
    <p>${t.text("review.words", values)}</p>
    <${Pays} t=${t} dispute=${dispute} paid=${paid} />
    <ul>
      <li>${t.text("review.median")}</li>
      <li>${t.text("review.final")}</li>
      <li>${t.text("review.readers")}</li>
      <li>${t.text("recorded.conflict.none")}</li>
    </ul>
    ${body.grounds.length > 0 && html`<p>${body.grounds.map((code) => t.text(`ground.${code}`)).join(" · ")}</p>`}
    <blockquote class="step-words" dir="auto">${body.reason}</blockquote>
  </div>`;
}

/** Every field that is signed, with its meaning. Computed anew here from the record, and compared, before this is shown. */
function Fields({ t, prepared }) {
  const { domain, message } = prepared.typed_data;
  const until = new Date(message.validUntil * 1000).toISOString();
  const code = (value) => html`<code class="hex">${String(value)}</code>`;
  return html`<details class="more fields" open>
    <summary>${t.text("review.fields")}</summary>
    <dl class="rows">
      <${Row} term=${t.text("review.field.domain")}>${code(`${domain.name} ${domain.version}`)}<//>
      <${Row} term=${t.text("review.field.chainId")}>${code(domain.chainId)}<//>
      <${Row} term=${t.text("review.field.verifyingContract")}>${code(domain.verifyingContract)}<//>
      <${Row} term=${t.text("review.field.caseId")}>${code(message.caseId)}<//>
      <${Row} term=${t.text("review.field.round")}>${code(message.round)}<//>
      <${Row} term=${t.text("review.field.share")}>${code(message.share)}<//>
      <${Row} term=${t.text("review.field.validUntil")}>${code(message.validUntil)} <${Moment} t=${t} iso=${until} /><//>
      <${Row} term=${t.text("review.field.commitment")}>${code(message.commitment)}<//>
    </dl>
    <p class="quiet">${t.text("review.checked")}</p>
  </details>`;
}
