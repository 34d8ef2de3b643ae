// What the escrow has to have moved for a case, given its terms and outcome, against what it did move.
import { has } from "./case_state.js";
import { isSame, isSamePlace } from "./evidence.js";
import { toDecimal } from "./money.js";
import { splitLock } from "./payout.js";
import { awardsOf, feesOnAppeal } from "./rulings.js";
import { Flag, Mode, isLive } from "./vocabulary.js";

const REDIRECTS = ["RedirectGiven", "RedirectVoided"];
const PAID_OTHERWISE = "The escrow paid out something else than what was due.";

/** What is wrong with the escrow's events, in words; null where they are what records and outcome ask for. `lock` is what
 * the escrow is proven to hold at the evidence's newest block. */
export function movementsProblem(evidence, rules, replayed, { facts, lock }) {
  const found = evidence.escrow;
  const moves = expectedMoves(rules, replayed);
  const first = found.slice(0, moves.length);
  const isExpected = first.length === moves.length && first.every((event, at) => isSameMove(event, moves[at]));
  if (!isExpected) return "The escrow moved other amounts than the records and the outcome say.";
  for (const event of first) {
    const cause = evidence.links[event.event === "Locked" ? 0 : (replayed.endedAt ?? 0)];
    if (event.block !== cause.block || event.tx_hash !== cause.tx_hash) {
      return `The escrow's ${event.event} is not in the transaction of the record that caused it.`;
    }
  }
  const problem = withdrawalProblem(rules, replayed, found.slice(moves.length), moves);
  return problem ?? lockProblem(lock, found) ?? (facts ? againstChain(evidence, facts) : null);
}

/** What moved, in one or two sentences; `found` begins with a `Locked`. */
export function moneyWords(found, currency) {
  const {
    Locked: locked,
    Settled: settled,
    Withdrawn: paid,
  } = Object.fromEntries(found.map(({ event, args }) => [event, args]));
  const total = toDecimal(locked.refund + locked.freight + locked.reserve, currency);
  if (!settled) return `${total} ${currency} are locked, as the terms say.`;
  const [consumers, merchants] = [toDecimal(settled.toConsumer, currency), toDecimal(settled.toMerchant, currency)];
  let words =
    `Of ${total} ${currency} locked, ${consumers} are the consumer's and ${merchants} went back to the merchant, as the ` +
    "outcome says.";
  if (settled.fees) words += ` ${toDecimal(settled.fees, currency)} are the arbitrators' fees.`;
  if (paid) words += ` ${toDecimal(paid.amount, currency)} were withdrawn to ${paid.to}.`;
  return words;
}

const isSameMove = (one, other) => one.event === other.event && isSame(one.args, other.args);
const isSameEvent = (one, other) => isSameMove(one, other) && isSamePlace(one, other);

/** The escrow's events that the records and the outcome ask for; redirects and a withdrawal may follow. */
function expectedMoves({ terms, parties }, { state, released, rulings }) {
  if (terms.mode === Mode.NONE || state === null) return [];
  const { token, refund, freight, reserve } = terms;
  const named = { merchant: parties.merchant, token };
  const moves = [{ event: "Locked", args: { ...named, refund, freight, reserve } }];
  if (isLive(state.state)) return moves;
  const awards = awardsOf(rulings);
  const payout = splitLock({
    refund,
    freight,
    reserve,
    share: released ? 0 : state.share,
    fee: released ? 0 : state.fee,
    freightToConsumer: !released && has(state, Flag.FREIGHT_TO_CONSUMER),
    fees: awards.reduce((sum, [, amount]) => sum + amount, 0n),
    feesFromConsumer: state.consumerLostAppeal ? feesOnAppeal(rulings) : 0n,
  });
  const { toConsumer, toMerchant, toPanel: fees } = payout;
  const credits = awards.map(([arbitrator, amount]) => ({ event: "Credited", args: { arbitrator, token, amount } }));
  return [...moves, { event: "Settled", args: { ...named, toConsumer, toMerchant, fees } }, ...credits];
}

/** What follows the settlement may be redirects of the consumer's part, and then one withdrawal of all of it. */
function withdrawalProblem(rules, { state }, after, moves) {
  const settled = moves.find(({ event }) => event === "Settled")?.args;
  if (!after.length) return null;
  if (!settled?.toConsumer || state === null) return PAID_OTHERWISE;
  const paid = after.at(-1);
  const redirects = paid.event === "Withdrawn" ? after.slice(0, -1) : after;
  if (redirects.some(({ event }) => !REDIRECTS.includes(event))) return PAID_OTHERWISE;
  if (paid.event !== "Withdrawn") return null;
  if (paid.args.amount !== settled.toConsumer || paid.args.token !== settled.token) return PAID_OTHERWISE;
  const payee = redirects.at(-1)?.args.to ?? state.consumer;
  // With a key of their own, consumers withdraw to wherever they like.
  const isHeld = has(state, Flag.CONSUMER_KEY_HELD) && rules.policy.notice > 0;
  if (!isHeld || paid.args.to === payee) return null;
  return "The escrow paid somebody else than the consumer, without a redirect that ran its notice.";
}

function againstChain({ escrow: found, links }, { events, lock }) {
  if (events) {
    const first = events.escrow.slice(0, found.length);
    const isThere = first.length === found.length && first.every((event, at) => isSameEvent(event, found[at]));
    if (!isThere) return "The escrow has other events on the chain than these.";
    const beyond = events.links.length === links.length ? events.escrow.slice(found.length) : [];
    if (beyond.some(({ event }) => ![...REDIRECTS, "Withdrawn"].includes(event))) {
      return "The escrow moved money on the chain that the evidence does not show.";
    }
  }
  return lockProblem(lock, events ? events.escrow : found);
}

/** Whether the escrow's own storage is what its events lead to. */
function lockProblem(lock, moved) {
  if (!lock) return null;
  let expected = { refund: 0n, freight: 0n, reserve: 0n, settled: false };
  for (const { event, args } of moved) {
    if (event === "Locked")
      expected = { refund: args.refund, freight: args.freight, reserve: args.reserve, settled: false };
    if (event === "Settled") expected = { refund: args.toConsumer, freight: 0n, reserve: 0n, settled: true };
    if (event === "Withdrawn") expected = { ...expected, refund: expected.refund - args.amount };
  }
  return isSame(lock, expected) ? null : "What the escrow holds for this case is not what its events lead to.";
}
