// The head of the page: what state the return is in and where the money is.
import { html } from "../shared/dom.js";
import { valuesOf } from "./bits.js";
import { amountOf, moneyTrack, shareOf, tell } from "./story.js";

export function Head({ t, view }) {
  const story = tell(view);
  const values = valuesOf(view, t);
  const who = t.text(`role.${view.next.waiting_for ?? "contract"}`);
  return html`<section class="head tone-${story.turn}">
    <div class="head-words">
      <p class="turn"><span class="turn-dot" aria-hidden="true"></span>${t.text(`turn.${story.turn}`, { who })}</p>
      <h1>${t.text(story.headline, values)}</h1>
      <p class="lede">${t.text(story.money, values)}</p>
    </div>
    <${Money} t=${t} view=${view} values=${values} />
  </section>`;
}

function Money({ t, view, values }) {
  const { amount, key } = amountOf(view);
  const isPart = view.refund.expected !== null && ["part", "zero"].includes(shareOf(view));
  const hasFreight = view.mode === "refund" && Number(view.money.freight) > 0 && view.money.where === "locked";
  const freight = t.money(view.money.freight, view.refund.currency);
  return html`<div class="money">
    <p class="money-name">${t.text(key)}</p>
    <p class="money-amount">${t.money(amount, view.refund.currency)}</p>
    <p class="money-note">
      ${isPart && html`<span>${t.text("amount.part", values)}</span>`}
      ${hasFreight && html`<span>${t.text("amount.freight", { amount: freight })}</span>`}
    </p>
    <${Track} t=${t} view=${view} />
  </div>`;
}

function Track({ t, view }) {
  return html`<ol class="track" aria-label=${t.text("track.label")}>
    ${moneyTrack(view).map(
      ({ key, state }) => html`<li key=${key} class="stop-${state}" aria-current=${state === "here" ? "step" : null}>
        <span class="stop-name">${t.text(`track.${key}`)}</span>
        <span class="sr-only"> (${t.text(`track.state.${state}`)})</span>
      </li>`,
    )}
  </ol>`;
}
