// A dispute: what each side claims, who decides, and who of them has voted.
import { html } from "../shared/dom.js";
import { Hex, valuesOf } from "./bits.js";

export function Dispute({ t, view }) {
  const { dispute } = view;
  if (!dispute) return null;
  const { claims, ruling } = dispute;
  return html`<section class="card dispute" aria-labelledby="dispute-title">
    <h2 id="dispute-title">${t.text("dispute.title")}</h2>
    <dl class="claims">
      <${Claim} t=${t} view=${view} term="dispute.you" claim=${claims.consumer} />
      <${Claim} t=${t} view=${view} term="dispute.shop" claim=${claims.merchant} />
      ${ruling && html`<${Claim} t=${t} view=${view} term="dispute.ruled" claim=${ruling} />`}
    </dl>
    <${Panel} t=${t} dispute=${dispute} />
    <${Costs} t=${t} view=${view} />
  </section>`;
}

function Claim({ t, view, term, claim }) {
  return html`<div class="claim">
    <dt>${t.text(term)}</dt>
    <dd><strong>${t.money(claim.amount, view.refund.currency)}</strong> <span class="quiet">${t.percent(claim.share)}</span></dd>
  </div>`;
}

function Panel({ t, dispute }) {
  const { panel, round, votes: count } = dispute;
  if (!panel) return html`<p class="quiet">${t.text("dispute.no_panel")}</p>`;
  return html`<h3>${t.text(`dispute.round.${round}`)}</h3>
    <ul class="panel">
      ${panel.arbitrators.map(
        ({ name, address, voted }) => html`<li key=${address}>
          <span title=${address}>${name ? html`<bdi>${name}</bdi>` : html`<${Hex} value=${address} />`}</span>
          <span class=${voted ? "voted" : "quiet"}>${t.text(voted ? "dispute.voted" : "dispute.not_voted")}</span>
        </li>`,
      )}
    </ul>
    <p>${t.text("dispute.votes", { count: t.number(count), threshold: t.number(panel.threshold) })}</p>`;
}

/** What arbitration costs, and whom: shown before there is a dispute, too. */
export function Costs({ t, view }) {
  const { arbitration } = view;
  if (!arbitration) return html`<p class="quiet">${t.text("dispute.fee.none")}</p>`;
  const values = valuesOf(view, t);
  return html`<p class="quiet">
    ${t.text("dispute.fee", values)} ${Number(arbitration.appeal) > 0 && t.text("dispute.fee.appeal", values)}
  </p>`;
}
