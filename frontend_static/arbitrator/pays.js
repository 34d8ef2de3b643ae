// Who gets what, in money and as a bar.
import { html } from "../shared/dom.js";

const PARTS = ["consumer", "merchant", "arbitrators"];

/** `paid` is what `payoutOf` answers. Where no money is held, the merchant owes and nobody else is paid. */
export function Pays({ t, dispute, paid }) {
  const isHeld = dispute.escrow !== "none";
  const shown = isHeld ? PARTS : ["consumer"];
  return html`<div class="pays">
    ${isHeld && html`<${Bar} t=${t} paid=${paid} />`}
    <dl>
      ${shown.map(
        (part) => html`<div key=${part} class=${`pays-${part}`}>
          <dt><span class="swatch" aria-hidden="true"></span>${t.text(`pays.${part}`)}</dt>
          <dd>${t.money(paid[part], dispute.refund.currency)}</dd>
        </div>`,
      )}
    </dl>
    ${!isHeld && html`<p class="quiet">${t.text("pays.record_only")}</p>`}
  </div>`;
}

function Bar({ paid }) {
  const total = PARTS.reduce((sum, part) => sum + Number(paid[part]), 0) || 1;
  const widths = PARTS.map((part) => (Number(paid[part]) / total) * 100);
  const starts = widths.map((_, index) => widths.slice(0, index).reduce((sum, width) => sum + width, 0));
  return html`<svg class="pays-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    ${PARTS.map((part, index) => html`<rect key=${part} class=${`bar-${part}`} x=${starts[index]} width=${widths[index]} height="4" />`)}
  </svg>`;
}
