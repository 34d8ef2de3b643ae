// What happens next, by when, and otherwise what; what waits to take effect; and what this link may do about it.
import { html } from "../shared/dom.js";
import { isMain, offeredActs } from "./acts.js";
import { Hex, Moment, valuesOf } from "./bits.js";

export function Next({ t, view, now, sent, signer, onAct }) {
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
    <${Notice} t=${t} view=${view} values=${values} />
    <p class="next-what">${t.text(whatKey(view), values)}</p>
    <dl class="next-terms">
      <div><dt>${t.text("next.by")}</dt><dd><${Deadline} t=${t} iso=${next.deadline} now=${now} /></dd></div>
      <div><dt>${t.text("next.otherwise")}</dt><dd>${t.text(otherwiseKey(t, view), values)}</dd></div>
    </dl>
    <${Offers} t=${t} view=${view} values=${values} />
    <${OwnKey} t=${t} link=${view.link} signer=${signer} />
    <${Actions} t=${t} view=${view} values=${values} sent=${sent} onAct=${onAct} />
  </section>`;
}

function whatKey({ state, notice, dispute }) {
  if (notice) return "next.notice";
  const round = (dispute?.round ?? "first").replace("challenge_fallback", "fallback");
  return state === "disputed" && round !== "first" ? `next.disputed.${round}` : `next.${state}`;
}

/** What the service's key gave up for the reader, and the time to say that it shall not count. */
function Notice({ t, view, values }) {
  const { notice } = view;
  if (!notice) return null;
  const time = html`<${Moment} t=${t} iso=${notice.effective_at} long />`;
  return html`<div class="notice">
    <p>${t.rich(`notice.${notice.kind}`, { time, agreed: values.agreed })}</p>
    <p class="quiet">${t.text("notice.why")}</p>
  </div>`;
}

function Offers({ t, view, values }) {
  const { offer, exchange_offered: exchange } = view;
  return html`
    ${offer && html`<p class="offer">${t.text(`offer.${offer.by}`, values)}</p>`}
    ${exchange && html`<p class="offer">${t.text("offer.exchange")}</p>`}
  `;
}

function Deadline({ t, iso, now }) {
  const date = new Date(iso);
  if (date < now) return html`<${Moment} t=${t} iso=${iso} long /> <p class="quiet">${t.text("next.passed")}</p>`;
  return html`<${Moment} t=${t} iso=${iso} long /> <span class="quiet">(${t.distance(date, now)})</span>`;
}

/** Whoever signs with a key of their own is told to open it: until then there are no buttons for them. */
function OwnKey({ t, link, signer }) {
  if (!link.own_key || signer || !link.scopes.includes("settlement:sign")) return null;
  const address = html`<${Hex} value=${link.own_key} />`;
  return html`<p class="own-key quiet">${t.rich("next.own_key", { address })}</p>`;
}

function otherwiseKey(t, { next, state }) {
  const special = `otherwise.${next.otherwise}.${state}`;
  return t.has(special) ? special : `otherwise.${next.otherwise}`;
}

function Actions({ t, view, values, sent, onAct }) {
  if (sent) return html`<p class="sent" role="status">${t.text("act.sent")}</p>`;
  const names = offeredActs(view);
  if (!names.length) return null;
  return html`<div class="actions">
    ${names.map(
      (name) => html`<button
        key=${name}
        type="button"
        class=${isMain(name) ? "button primary" : "button"}
        onClick=${() => onAct(name)}
      >${t.text(`act.${name}`, values)}</button>`,
    )}
  </div>`;
}
