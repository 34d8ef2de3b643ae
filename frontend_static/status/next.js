// What happens next, by when, and otherwise what; and what this link may do about it.
import { html } from "../shared/dom.js";
import { Hex, Moment, valuesOf } from "./bits.js";

const BUTTONS = ["accepted", "picked_up", "cancelled"]; // in this order; other acts have no button yet

export function Next({ t, view, now, sent, onAct }) {
  const { next } = view;
  const values = valuesOf(view, t);
  if (!next.deadline) {
    return html`<section class="card next" aria-labelledby="next-title">
      <h2 id="next-title">${t.text("next.title")}</h2>
      <p class="next-what">${t.text("next.none")}</p>
    </section>`;
  }
  return html`<section class="card next" aria-labelledby="next-title">
    <h2 id="next-title">${t.text("next.title")}</h2>
    <p class="next-what">${t.text(`next.${view.state}`, values)}</p>
    <dl class="next-terms">
      <div><dt>${t.text("next.by")}</dt><dd><${Deadline} t=${t} iso=${next.deadline} now=${now} /></dd></div>
      <div><dt>${t.text("next.otherwise")}</dt><dd>${t.text(otherwiseKey(t, view), values)}</dd></div>
    </dl>
    <${OwnKey} t=${t} link=${view.link} />
    <${Actions} t=${t} acts=${next.acts} values=${values} sent=${sent} onAct=${onAct} />
  </section>`;
}

function Deadline({ t, iso, now }) {
  const date = new Date(iso);
  if (date < now) return html`<${Moment} t=${t} iso=${iso} long /> <p class="quiet">${t.text("next.passed")}</p>`;
  return html`<${Moment} t=${t} iso=${iso} long /> <span class="quiet">(${t.distance(date, now)})</span>`;
}

/** Whoever signs with a key of their own is told so: this page holds no key, so it has no buttons for them. */
function OwnKey({ t, link }) {
  if (!link.own_key || !link.scopes.includes("settlement:sign")) return null;
  const address = html`<${Hex} value=${link.own_key} />`;
  return html`<p class="own-key quiet">${t.rich("next.own_key", { address })}</p>`;
}

function otherwiseKey(t, { next, state }) {
  const special = `otherwise.${next.otherwise}.${state}`;
  return t.has(special) ? special : `otherwise.${next.otherwise}`;
}

function Actions({ t, acts, values, sent, onAct }) {
  if (sent) return html`<p class="sent" role="status">${t.text("act.sent")}</p>`;
  const kinds = BUTTONS.filter((kind) => acts.includes(kind));
  if (!kinds.length) return null;
  return html`<div class="actions">
    ${kinds.map(
      (kind) => html`<button
        key=${kind}
        type="button"
        class=${kind === "accepted" ? "button primary" : "button"}
        onClick=${() => onAct(kind)}
      >${t.text(`act.${kind}`, values)}</button>`,
    )}
  </div>`;
}
