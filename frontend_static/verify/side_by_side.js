// What the shop's page says beside what the chain says, line by line. Pure: the page puts it into words.
import { unpackEntry } from "./entry.js";
import { toDecimal } from "./money.js";
import { wireOf } from "./vocabulary.js";

const PATIENCE = 600; // seconds of the chain's time that a page may lag behind it

/**
 * `view` is the answer of `GET /v1/status`, `report` one of `verifyBundle` for which a chain was asked.
 *
 * Each line has a `result` as a check has: "pass" where both say the same, "pending" where one may not know yet.
 */
export function compare(view, { reading, facts }) {
  const { links, refusals, escrow } = facts.events;
  const entries = links.map((link) => ({ ...unpackEntry(link.entry), block: link.block }));
  const last = entries.at(-1) ?? null;
  const steps = recordLines(view, { entries, refusals, reading, newest: facts.newest.time });
  const isBehind = steps.some(({ result }) => result === "pending");
  const soften = (isSame) => (isSame ? "pass" : isBehind ? "pending" : "fail");
  const chainState = last && wireOf("State", last.state);
  return {
    state: { shop: view.state, chain: chainState, result: soften(view.state === (chainState ?? view.state)) },
    money: view.mode === "none" ? [] : moneyLines(view, facts, escrow, soften),
    records: steps,
  };
}

function moneyLines({ money, refund }, { lock, currency }, escrow, soften) {
  const isSettled = lock.settled;
  const withdrawn = escrow
    .filter(({ event }) => event === "Withdrawn")
    .reduce((sum, { args }) => sum + args.amount, 0n);
  const chain = {
    locked: isSettled ? 0n : lock.refund + lock.freight + lock.reserve,
    due: isSettled ? lock.refund : 0n,
    withdrawn,
  };
  return Object.entries(chain).map(([name, minor]) => {
    const said = toDecimal(minor, currency ?? refund.currency);
    return { name, shop: money[name], chain: said, currency: refund.currency, result: soften(money[name] === said) };
  });
}

function recordLines({ timeline }, { entries, refusals, reading, newest }) {
  const placed = new Map(timeline.filter(({ position }) => position !== null).map((step) => [step.position, step]));
  const count = Math.max(entries.length, ...[...placed.keys()].map((position) => position + 1));
  const lines = Array.from({ length: count }, (_, position) => lineOf(placed.get(position), entries[position], newest));
  const others = timeline.filter(({ position }) => position === null);
  return [...lines, ...others.map((step) => unplaced(step, refusals, reading))];
}

/** One place of the timeline: the shop's step, the chain's entry, or both. */
function lineOf(step = null, entry = null, newest) {
  const chain = entry && {
    kind: wireOf("Kind", entry.kind),
    role: wireOf("Role", entry.role),
    time: entry.time,
    block: entry.block,
  };
  if (!chain) return { step, chain, says: "missing", result: "fail" };
  if (!step) return { step, chain, says: "unseen", result: newest - entry.time > PATIENCE ? "fail" : "pending" };
  const isSame =
    step.kind === chain.kind && step.by.role === chain.role && Date.parse(step.recorded_at) === chain.time * 1000;
  return { step, chain, says: isSame ? "recorded" : "other", result: isSame ? "pass" : "fail" };
}

/** A step that the shop says is not on the chain. */
function unplaced(step, refusals, { evidence }) {
  if (step.stage !== "rejected") return { step, chain: null, says: "waiting", result: "pending" };
  const stated = evidence.records.find((one) => one.record_id === step.record_id);
  const refusal = refusals.find(({ commitment }) => commitment === stated?.commitment);
  return refusal
    ? { step, chain: { block: refusal.block }, says: "refused", result: "pass" }
    : { step, chain: null, says: "missing", result: "fail" };
}
