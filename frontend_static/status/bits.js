// Small pieces that every part of the page uses.
import { html } from "../shared/dom.js";
import { utc } from "../shared/i18n.js";
import { FULL_SHARE } from "./story.js";

/** A moment in the reader's own zone, with UTC in its title. `iso` is RFC 3339. */
export function Moment({ t, iso, long = false }) {
  const date = new Date(iso);
  const format = long ? t.longDateTime : t.dateTime;
  return html`<time datetime=${iso} title=${utc(date)}>${format.format(date)}</time>`;
}

/** A hash or address: short to the eye, whole in its title and to a screen reader's copy. */
export function Hex({ value, whole = false }) {
  return html`<code class="hex" title=${value}>${whole ? value : shorten(value)}</code>`;
}

export function shorten(value) {
  return value.length > 14 ? `${value.slice(0, 8)}…${value.slice(-4)}` : value;
}

/** As a `ref`: shows a dialog above the page, which waits meanwhile. */
export function openModal(dialog) {
  if (dialog && !dialog.open) dialog.showModal();
}

/** One row of a list of terms; nothing where there is no value. */
export function Row({ term, children }) {
  return children === null || children === undefined
    ? null
    : html`<div class="row"><dt>${term}</dt><dd>${children}</dd></div>`;
}

const PATHS = {
  pass: "M4.5 10.5l3.6 3.6 7.4-8",
  fail: "M5.5 5.5l9 9m0-9l-9 9",
  pending: "M10 5v5.2l3.2 2",
  skipped: "M5.5 10h9",
};

/** A sign for a check's result. The word stands beside it, so it is hidden from screen readers. */
export function ResultIcon({ result }) {
  return html`<svg class="icon icon-${result}" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <circle cx="10" cy="10" r="9" />
    <path d=${PATHS[result] ?? PATHS.skipped} />
  </svg>`;
}

/** The shop's name, or what it is where the service has none. */
export function shopOf(view, t) {
  return view.merchant.name ?? t.text("details.shop");
}

/** The values that the sentences of the language files may name, written in the reader's language. */
export function valuesOf(view, t) {
  const { refund, money, dispute, notice, offer } = view;
  const write = (amount) => t.money(amount ?? refund.amount, refund.currency);
  return {
    amount: write(refund.amount),
    expected: write(refund.expected),
    locked: write(money.locked),
    due: write(money.due),
    withdrawn: write(money.withdrawn),
    address: money.withdrawn_to ? shorten(money.withdrawn_to) : "",
    payment: money.reference ? t.text("money.payment", { payment: money.reference }) : "",
    percent: t.percent(refund.share ?? FULL_SHARE),
    agreed: write(notice?.amount),
    offered: write(offer?.amount),
    yours: write(dispute?.claims.consumer.amount),
    ruled: write(dispute?.ruling?.amount ?? refund.expected),
    reserve: write(view.arbitration?.reserve),
    appeal_fee: write(view.arbitration?.appeal),
  };
}
