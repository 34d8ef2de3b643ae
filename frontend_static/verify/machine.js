// The case machine: what an act or a passed deadline does to a case. It goes by the table that the contract's tests, the
// service and the command line go by too.
import {
  advance,
  bumping,
  decide,
  dueOf,
  flagging,
  has,
  marked,
  marking,
  newCase,
  owedOf,
  staying,
  unmarking,
} from "./case_state.js";
import { appeal, challenge, claim, enterDispute, mayAppeal } from "./disputes.js";
import { LedgerError } from "./errors.js";
import { ZERO_ADDRESS } from "./bytes.js";
import { unsignedOf } from "./messages.js";
import { applyNotice, bindKey, giveNotice, needsNotice, nextByNotice, voidNotice } from "./notices.js";
import { suppliesFreight } from "./policies.js";
import { TABLES } from "./tables.js";
import { rfc3339 } from "./times.js";
import { FULL_SHARE, Flag, Grade, Kind, Mark, Mode, Role, State, isLive, numberOf, wireOf } from "./vocabulary.js";

const keyOf = (state, kind, role) => `${state} ${kind} ${role}`;
const TRANSITIONS = new Map(
  TABLES.transitions.map(([origin, kind, role, to, guard]) => [
    keyOf(numberOf("State", origin), numberOf("Kind", kind), numberOf("Role", role)),
    { to: to === null ? null : numberOf("State", to), guard },
  ]),
);
const LAPSES = TABLES.lapses.map(([origin, condition, kind, to, result]) => ({
  origin: numberOf("State", origin),
  condition,
  kind: numberOf("Kind", kind),
  to: numberOf("State", to),
  result,
}));
const GIVES_UP = TABLES.gives_up.map((kind) => numberOf("Kind", kind));

/** A case as `open` leaves it at block time `now`. */
export function openCase({ mode, policy, consumerKeyHeld, inspectorIndependent, now, consumer, panel }) {
  const flags =
    (consumerKeyHeld ? Flag.CONSUMER_KEY_HELD : 0) | (inspectorIndependent ? Flag.INSPECTOR_INDEPENDENT : 0);
  const opened = newCase({ state: State.REQUESTED, mode, flags, length: 1, consumer, panel });
  return { ...bumping(opened, Role.MERCHANT), deadline: now + policy.windows.get(State.REQUESTED) };
}

// --- acts ---

const EFFECTS = new Map([
  [Kind.INSPECTED, (state, { grade, share, fee }) => ({ ...state, grade, share, fee })],
  [Kind.PICKED_UP, (state, { role }) => (role === Role.CARRIER ? flagging(state, Flag.PICKUP_BY_CARRIER) : state)],
  [
    Kind.DISPUTED,
    (state, act) => (state.state === State.DISPUTED ? claim(state, act.role, act.share) : enterDispute(state, act)),
  ],
  [Kind.APPEALED, appeal],
  [Kind.CHALLENGED, challenge],
  [Kind.SPLIT, offer],
  [Kind.EXCHANGE_AGREED, (state, { role }) => (role === Role.MERCHANT ? marking(state, Mark.EXCHANGE_OFFERED) : state)],
  [Kind.OBJECTED, voidNotice],
  [Kind.KEY_BOUND, (state, { key }) => bindKey(state, key)],
  [Kind.ERASED, (state) => marking(state, Mark.ERASED)],
]);

/** The case after an act at block time `now`. Throws LedgerError where the contract would revert. */
export function applyAct(before, act, policy, now) {
  const to = checkAct(before, act, now);
  if (act.kind === Kind.INSPECTED) checkProposal(act, policy);
  let state = bumping(before, act.role);
  if (needsNotice(state, act, to, policy)) return giveNotice(state, act, policy, now);
  const effect = EFFECTS.get(act.kind);
  if (effect) state = effect(state, act);
  if (to === null) return staying(state);
  if (to === State.PAYABLE) {
    const isSplit = act.kind === Kind.SPLIT;
    state = decide(state, policy, isSplit ? act.share : state.share, isSplit ? 0 : state.fee);
  }
  return advance(state, to, policy, now);
}

function offer(state, { role, share }) {
  const by = role === Role.CONSUMER ? Mark.OFFER_BY_CONSUMER : Mark.OFFER_BY_MERCHANT;
  return { ...marking(unmarking(state, Mark.OFFER_BY_CONSUMER | Mark.OFFER_BY_MERCHANT), by), offer: share };
}

/** The state that an act leads to, null where the case stays. */
function checkAct(state, act, now) {
  const row = TRANSITIONS.get(keyOf(state.state, act.kind, act.role));
  if (row === undefined) throw notAllowed(state, act);
  const due = dueOf(state);
  if (due && now > due) throw new LedgerError(`The time for this ended at ${rfc3339(due)}.`);
  checkSigned(state, act, now);
  const to = guarded(row, state, act);
  if (state.notice && GIVES_UP.includes(act.kind)) {
    const { kind, effectiveAt } = state.notice;
    throw new LedgerError(`A notice of '${wireOf("Kind", kind)}' runs until ${rfc3339(effectiveAt)}.`);
  }
  return to;
}

function checkSigned(state, act, now) {
  if (now > act.validUntil) throw new LedgerError(`The signature counted until ${rfc3339(act.validUntil)} only.`);
  const expected = state.nonces[act.role];
  if (act.nonce !== expected) {
    throw new LedgerError(
      `The ${wireOf("Role", act.role)}'s next nonce in this case is ${expected}, not ${act.nonce}.`,
    );
  }
  const [unsigned] = unsignedOf(act);
  if (unsigned) throw new LedgerError(`The message '${wireOf("Kind", act.kind)}' does not hold a ${unsigned}.`);
  if (act.share > FULL_SHARE && act.kind !== Kind.INSPECTED) {
    throw new LedgerError(`A share is 0 to ${FULL_SHARE} basis points of the refund, not ${act.share}.`);
  }
  const isNoKey = [ZERO_ADDRESS, state.consumer.toLowerCase()].includes(act.key.toLowerCase());
  if (act.kind === Kind.KEY_BOUND && isNoKey) throw new LedgerError("This is no new key.");
}

// --- guards ---

/** Where a row leads to, given its guard. Throws LedgerError where the guard does not hold. */
function guarded({ to, guard }, state, act) {
  if (guard === "OFFER_STANDS") {
    const other = act.role === Role.CONSUMER ? Mark.OFFER_BY_MERCHANT : Mark.OFFER_BY_CONSUMER;
    return marked(state, other) && state.offer === act.share ? to : null;
  }
  if (guard !== null && !GUARDS[guard](state, act)) throw notAllowed(state, act);
  return to;
}

const GUARDS = {
  INSPECTOR_INDEPENDENT: (state) => has(state, Flag.INSPECTOR_INDEPENDENT),
  EXCHANGE_OFFERED: (state) => marked(state, Mark.EXCHANGE_OFFERED),
  NOTICE_RUNNING: (state) => marked(state, Mark.NOTICED),
  NOT_ERASED: (state) => !marked(state, Mark.ERASED),
  RULED_AGAINST: (state, { role, share }) => mayAppeal(state, role, share),
  WITHIN_OWED: (state, { share }) => share > 0 && share <= owedOf(state),
};

function notAllowed(state, { kind, role }) {
  const who = wireOf("Role", role);
  return new LedgerError(
    `A ${who} cannot state '${wireOf("Kind", kind)}' while the case is '${wireOf("State", state.state)}'.`,
  );
}

/** Throws LedgerError for an inspection that the policy does not allow. */
function checkProposal(act, policy) {
  if (act.grade === Grade.NONE) throw new LedgerError("An inspection names a grade.");
  const lowest = policy.minShare.get(act.grade) ?? 0;
  if (act.share < lowest || act.share > FULL_SHARE) {
    throw new LedgerError(
      `The policy gives these goods a share of ${lowest} to ${FULL_SHARE} basis points, not ${act.share}.`,
    );
  }
  const cap = act.grade === Grade.DEFECTIVE ? 0 : policy.feeCap;
  if (act.fee > cap) throw new LedgerError(`The restocking fee is at most ${cap} basis points here, not ${act.fee}.`);
}

// --- deadlines ---

/** The case after `poke` at block time `now`. Throws LedgerError where the contract would revert. */
export function poke(state, policy, now) {
  const { to } = nextLapse(state, policy);
  if (now <= dueOf(state)) throw new LedgerError(`Nothing is due before ${rfc3339(dueOf(state))} is over.`);
  if (state.notice && nextByNotice(state)) return applyNotice(state, policy, now);
  return advance(lapsed(state, lapseOf(state, policy), policy), to, policy, now);
}

/** What `poke` would state once the time is up, and the state that follows: `{ kind, to }`. */
export function nextLapse(state, policy) {
  if (!isLive(state.state)) throw new LedgerError("The case has ended; nothing is due.");
  return nextByNotice(state) ?? lapseOf(state, policy);
}

const CONDITIONS = {
  PICKUP_PROVEN: (state, policy) => has(state, Flag.PICKUP_BY_CARRIER) && suppliesFreight(policy),
  SELF_INSPECTED: (state) => !has(state, Flag.INSPECTOR_INDEPENDENT) && state.share < FULL_SHARE,
  IN_APPEAL: (state) => has(state, Flag.APPEALED) && !has(state, Flag.CHALLENGED),
  FALLBACK_LEFT: (state) => state.panel.fallback !== 0 && !has(state, Flag.FALLBACK),
  CHALLENGED: (state) => has(state, Flag.CHALLENGED),
  UNENFORCED: (state) => state.mode === Mode.NONE,
};

function lapseOf(state, policy) {
  return LAPSES.find(
    ({ origin, condition }) => origin === state.state && (condition === null || CONDITIONS[condition](state, policy)),
  );
}

const RESULTS = {
  FULL: (state, policy) => decide(state, policy, FULL_SHARE, 0, { bySilence: true }),
  AS_STANDS: (state, policy) => decide(state, policy, state.share, state.fee),
  AS_CLAIMED: (state, policy) => decide(state, policy, state.consumerClaim, 0),
  NOTHING: (state, policy) => decide(state, policy, 0, 0), // the replacement took the refund's place
  UNPAID: (state) => flagging(state, Flag.UNPAID),
};

/** The case with the claims, the flags and the outcome that a lapse brings. */
function lapsed(state, { to, result }, policy) {
  if (to === State.DISPUTED)
    return state.state === State.DISPUTED ? flagging(state, Flag.FALLBACK) : enterDispute(state);
  return RESULTS[result]?.(state, policy) ?? state;
}
