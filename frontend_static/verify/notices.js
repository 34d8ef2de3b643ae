// What a service-held consumer key gives up takes effect after a notice only, and not if the consumer objects.
import { advance, clearing, decide, has, marking, staying, unmarking } from "./case_state.js";
import { FULL_SHARE, Flag, Kind, Mark, Role, State } from "./vocabulary.js";

const TARGETS = new Map([
  [Kind.CANCELLED, State.CLOSED],
  [Kind.ACCEPTED, State.PAYABLE],
  [Kind.EXCHANGE_AGREED, State.EXCHANGING],
  [Kind.SPLIT, State.PAYABLE],
]);

/** Whether an act that leads to `to` (null: the case stays) waits out the policy's notice. */
export function needsNotice(state, act, to, policy) {
  if (!has(state, Flag.CONSUMER_KEY_HELD) || policy.notice === 0) return false;
  if (act.kind === Kind.ACCEPTED) return state.share < FULL_SHARE || state.fee > 0;
  if (act.kind === Kind.EXCHANGE_AGREED) return act.role === Role.CONSUMER;
  if (act.kind === Kind.SPLIT) return to !== null;
  return act.kind === Kind.CANCELLED || act.kind === Kind.KEY_BOUND;
}

/** The case with the act recorded and its effect ahead. */
export function giveNotice(state, { kind, share, key }, policy, now) {
  const notice = { kind, effectiveAt: now + policy.notice, share, key };
  return staying({ ...marking(state, Mark.NOTICED), notice });
}

export function voidNotice(state) {
  return { ...unmarking(state, Mark.NOTICED), notice: null };
}

/** The consumer acts with `key` alone from here on; what the key before it offered is gone. */
export function bindKey(state, key) {
  return { ...unmarking(clearing(state, Flag.CONSUMER_KEY_HELD), Mark.OFFER_BY_CONSUMER), consumer: key };
}

/** What `poke` states and where it leads if the notice ends before the state does; null if it does not. */
export function nextByNotice(state) {
  const { notice } = state;
  if (notice === null || notice.effectiveAt > state.deadline) return null;
  return { kind: notice.kind, to: TARGETS.get(notice.kind) ?? state.state };
}

/** The case after its notice took effect at block time `now`. */
export function applyNotice(state, policy, now) {
  const { kind, share, key } = state.notice;
  if (kind === Kind.KEY_BOUND) return staying(bindKey(voidNotice(state), key));
  if (kind === Kind.ACCEPTED) return advance(decide(state, policy, state.share, state.fee), State.PAYABLE, policy, now);
  if (kind === Kind.SPLIT) return advance(decide(state, policy, share, 0), State.PAYABLE, policy, now);
  return advance(state, kind === Kind.CANCELLED ? State.CLOSED : State.EXCHANGING, policy, now);
}
