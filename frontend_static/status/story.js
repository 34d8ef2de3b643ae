// What a status means to the person who reads it, as keys of the language files. Pure: no page, no clock.

export const FULL_SHARE = 10_000; // basis points

/** The words of the page's head: `headline` and `money` are keys, `turn` says whose move it is. */
export function tell(view) {
  return { headline: headlineOf(view), money: moneyOf(view), turn: turnOf(view) };
}

function headlineOf(view) {
  if (view.notice && view.notice.kind !== "key_bound") return `headline.notice.${view.notice.kind}`;
  if (view.state === "disputed") return headlineOfDispute(view.dispute);
  if (view.state === "inspected") return `headline.inspected.${shareOf(view)}`;
  if (view.state === "settled") return `headline.settled.${endOf(view)}`;
  if (view.state === "closed") return `headline.closed.${closedBy(view)}`;
  return `headline.${view.state}`;
}

function headlineOfDispute(dispute) {
  const round = dispute?.round ?? "first";
  if (round === "appeal") return "headline.disputed.appeal";
  return round.startsWith("challenge") ? "headline.disputed.challenge" : "headline.disputed";
}

/** How an inspection stands to what was claimed: "full", "part" or "zero". */
export function shareOf({ refund }) {
  if (refund.share === 0) return "zero";
  return refund.share === FULL_SHARE && refund.fee === 0 ? "full" : "part";
}

/** How a settled case ended for the consumer; "deciding" while the chain has yet to record it. */
export function endOf(view) {
  const { where } = view.money;
  if (where === "withdrawn" || where === "due") return where;
  if (view.refund.share === 0) return stands(view, "exchange_delivered") ? "exchanged" : "zero";
  if (["locked", "not_locked"].includes(where)) return "deciding";
  return stands(view, "refunded") ? "provider" : "unpaid";
}

/** Why a case was closed: "cancelled", "declined" or "not_sent". */
export function closedBy(view) {
  if (stands(view, "cancelled")) return "cancelled";
  return stands(view, "declined") ? "declined" : "not_sent";
}

function moneyOf(view) {
  if (view.state === "rejected") return "money.rejected";
  if (view.mode === "none") return recordOnlyMoney(view);
  const { where } = view.money;
  if (view.state === "refunded") return "money.bond.stated";
  if (view.state === "settled" && endOf(view) === "deciding") return "money.deciding";
  if (where === "withdrawn" && view.money.payee_key === "service") return "money.withdrawn.held";
  if (where === "locked" && view.mode === "bond") return "money.bond.locked";
  return `money.${where}`;
}

function recordOnlyMoney(view) {
  if (view.state === "closed") return "money.none.closed";
  if (view.state === "settled") return `money.none.${endOf(view)}`;
  return view.state === "refunded" ? "money.none.stated" : "money.none";
}

/** Whose move it is: "you", "other", "good" (it ended with money or goods), "bad" (it ended owing) or "ended". */
function turnOf(view) {
  if (view.state === "settled") {
    const end = endOf(view);
    if (end === "unpaid") return "bad";
    return end === "zero" ? "ended" : "good";
  }
  if (["closed", "rejected"].includes(view.state)) return "ended";
  return view.notice || view.next.waiting_for === "consumer" ? "you" : "other";
}

/** The stops that money passes, each `{ key, state }` with state "done", "here" or "ahead". */
export function moneyTrack(view) {
  const stops = view.mode === "none" ? ["shop", "you"] : ["shop", view.mode === "bond" ? "guarantee" : "contract", "you"];
  const here = stops.indexOf(placeOf(view, stops));
  return stops.map((key, index) => ({ key, state: index < here ? "done" : index === here ? "here" : "ahead" }));
}

function placeOf(view, stops) {
  const { where } = view.money;
  const isPaid = view.state === "settled" && ["withdrawn", "due", "provider"].includes(endOf(view));
  if (isPaid) return "you";
  return ["locked", "provider"].includes(where) ? stops[stops.length - 2] : "shop";
}

/** The amount to show large, and what it is: `{ amount, key }`. */
export function amountOf(view) {
  const { refund, money } = view;
  if (money.where === "withdrawn") return { amount: money.withdrawn, key: "amount.paid" };
  if (money.where === "due") return { amount: money.due, key: "amount.due" };
  if (view.state === "closed") return { amount: refund.amount, key: "amount.claimed" };
  if (view.notice?.amount) return { amount: view.notice.amount, key: "amount.agreed" };
  if (view.state === "disputed" && view.dispute) {
    return { amount: view.dispute.claims.consumer.amount, key: "amount.you_claim" };
  }
  if (view.state === "ruled") return { amount: refund.expected ?? refund.amount, key: "amount.ruled" };
  if (view.state === "settled") {
    const keys = { provider: "amount.paid_by_shop", unpaid: "amount.owed", deciding: "amount.decided" };
    return { amount: refund.expected ?? refund.amount, key: keys[endOf(view)] ?? "amount.outcome" };
  }
  const decided = ["payable", "refunded"].includes(view.state);
  if (decided && refund.expected !== null) return { amount: refund.expected, key: "amount.decided" };
  if (refund.expected !== null) return { amount: refund.expected, key: "amount.proposed" };
  return { amount: refund.amount, key: "amount.claimed" };
}

/**
 * The timeline, oldest first. The service lists what the contract refused at the end, wherever it belongs: each such
 * step goes before the first that came later.
 */
export function inOrder(timeline) {
  const timeOf = (step) => Date.parse(step.recorded_at ?? step.occurred_at);
  const ordered = timeline.filter((step) => step.stage !== "rejected");
  for (const step of timeline.filter(({ stage }) => stage === "rejected")) {
    const later = ordered.findIndex((other) => timeOf(other) > timeOf(step));
    ordered.splice(later < 0 ? ordered.length : later, 0, step);
  }
  return ordered;
}

/** True if the chain keeps, or is to keep, a step of this kind. */
function stands(view, kind) {
  return view.timeline.some((step) => step.kind === kind && step.stage !== "rejected");
}
