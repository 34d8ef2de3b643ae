// What this link may do: which buttons stand there, and what each act asks for. Pure: no page, no clock.
import { FULL_SHARE } from "./story.js";

/**
 * By act: `main` acts answer what the page asks for now, `danger` ones end the return for nothing. `form` names what
 * the dialog asks: an amount ("claim", "owed", "settle"), the personal texts "reason", "text" or "receipt", "files".
 */
const ACTS = {
  objected: { main: true, form: ["reason"] },
  "split.agree": { main: true, kind: "split", form: [] },
  exchange_agreed: { main: true, form: [] },
  accepted: { main: true, form: [] },
  picked_up: { form: ["receipt"] },
  appealed: { form: ["claim", "reason"] },
  challenged: { form: ["owed", "reason"] },
  disputed: { form: ["claim", "reason"] },
  "disputed.again": { kind: "disputed", form: ["claim", "reason"] },
  evidence: { form: ["text", "files"] },
  split: { form: ["settle"] },
  cancelled: { danger: true, form: [] },
};
const AMOUNTS = ["claim", "owed", "settle"];
const NOTICED = ["accepted", "cancelled", "exchange_agreed", "split", "split.agree"];

/** The names of the buttons that a view offers, in their order. */
export function offeredActs(view) {
  return Object.keys(ACTS).filter((name) => view.next.acts.includes(kindOf(name)) && fits(name, view));
}

function fits(name, { state, offer }) {
  if (name === "disputed") return state !== "disputed";
  if (name === "disputed.again") return state === "disputed";
  return name === "split.agree" ? offer?.by === "merchant" : true;
}

export function kindOf(name) {
  return ACTS[name].kind ?? name;
}

export function isMain(name) {
  return ACTS[name].main === true;
}

export function isDangerous(name) {
  return ACTS[name].danger === true;
}

export function formOf(name) {
  return ACTS[name].form;
}

/** Whether the act, signed by the service's key, waits before it counts. An acceptance in full gives nothing up. */
export function waitsOut(name, view) {
  if (view.money.payee_key !== "service" || !NOTICED.includes(name)) return false;
  return name !== "accepted" || view.refund.share !== FULL_SHARE || view.refund.fee > 0;
}

/** Minor units of the refund that this share of it comes to, as the contract rounds: what is left over is yours. */
export function minorOf(share, refund) {
  return refund - Math.floor((refund * (FULL_SHARE - share)) / FULL_SHARE);
}

/** What a share of the refund comes to, as a decimal string. */
export function moneyOf(share, { refund: { amount } }) {
  const digits = (amount.split(".")[1] ?? "").length;
  const unit = 10 ** digits;
  return (minorOf(share, Math.round(Number(amount) * unit)) / unit).toFixed(digits);
}

/** The share in basis points nearest to this many minor units, and not below them. */
export function shareFor(minor, refund) {
  const nearest = Math.min(FULL_SHARE, Math.round((minor * FULL_SHARE) / refund));
  return minorOf(nearest, refund) < minor ? nearest + 1 : nearest;
}

/**
 * What an act that names an amount may name: `{ field, least, most, start, refund, unit }` in minor units, and `unit`
 * of them to one of the currency; null for other acts.
 */
export function amountField(name, view) {
  const field = formOf(name).find((each) => AMOUNTS.includes(each));
  if (!field) return null;
  const unit = 10 ** (view.refund.amount.split(".")[1] ?? "").length;
  const refund = Math.round(Number(view.refund.amount) * unit);
  const { least = 0, most = FULL_SHARE, start = most } = view.next.limits?.[kindOf(name)] ?? {};
  const [low, high, first] = [least, most, start].map((share) => minorOf(share, refund));
  return { field, least: low, most: high, start: first, refund, unit, shares: { least, most } };
}

/** The body's `data` and `personal`, of what was filled in. `attachments` are the files' fingerprints. */
export function bodyOf(name, view, form, attachments) {
  const data = {};
  const personal = {};
  const amount = amountField(name, view);
  if (amount) {
    const { least, most } = amount.shares;
    const share = shareFor(Math.round(Number(form.get("amount")) * amount.unit), amount.refund);
    data.share = Math.min(most, Math.max(least, share));
  }
  if (name === "split.agree") data.share = view.offer.share;
  if (attachments.length) data.attachments = attachments;
  for (const field of ["reason", "text", "receipt"]) {
    const words = String(form.get(field) ?? "").trim();
    if (words) personal[field] = words;
  }
  return { kind: kindOf(name), personal, ...(Object.keys(data).length ? { data } : {}) };
}
