// Disputes of a case: what each side claims, the rounds of votes, rulings, appeals and challenges.
import { advance, clearing, decide, dueOf, flagging, has, marking, owedOf } from "./case_state.js";
import { LedgerError } from "./errors.js";
import { rfc3339 } from "./times.js";
import { FULL_SHARE, Flag, Mark, Role, State, wireOf } from "./vocabulary.js";

const [FIRST, FALLBACK, APPEAL, CHALLENGE, CHALLENGE_FALLBACK] = [0, 1, 2, 3, 4]; // rounds of votes
export { APPEAL };

/** The claims that a dispute begins with; `act` is the one that opened it, null where silence did. */
export function enterDispute(state, act = null) {
  const begun = { ...state, consumerClaim: FULL_SHARE, merchantClaim: state.share };
  return act ? claim(begun, act.role, act.share) : begun;
}

/** The case with what one side claims. Throws LedgerError for more than there is to claim. */
export function claim(state, role, share) {
  const ofRest = role === Role.CONSUMER && has(state, Flag.CHALLENGED);
  const [lowest, most] = ofRest ? [1, owedOf(state)] : [0, FULL_SHARE];
  if (share < lowest || share > most) {
    throw new LedgerError(`A claim here is ${lowest} to ${most} basis points of the refund, not ${share}.`);
  }
  if (role !== Role.CONSUMER) return { ...state, merchantClaim: share };
  const isLowered = state.state === State.DISPUTED && has(state, Flag.CONSUMER_KEY_HELD) && share < state.consumerClaim;
  if (isLowered)
    throw new LedgerError(`The claim stands at ${state.consumerClaim} basis points and can only be raised.`);
  return { ...state, consumerClaim: share };
}

/** The ruling goes to the appeal panel; what the act claims is what its side asks for there. */
export function appeal(state, act) {
  return { ...flagging(claim(state, act.role, act.share), Flag.APPEALED), appellant: act.role };
}

/** Whether the ruling gave this side less than it claimed, and `share` asks for more of it. */
export function mayAppeal(state, role, share) {
  if (role === Role.CONSUMER) return state.share < state.consumerClaim && share > state.share;
  return state.share > state.merchantClaim && share < state.share;
}

/** What the provider's refund still lacks goes to the panel; the outcome that was decided stays beside it. */
export function challenge(state, act) {
  const contested = flagging(clearing(state, Flag.FALLBACK | Flag.APPEALED), Flag.CHALLENGED);
  return { ...contested, consumerClaim: act.share, merchantClaim: 0 };
}

/** Which round of votes a dispute is in. */
export function roundOf(state) {
  if (has(state, Flag.CHALLENGED)) return has(state, Flag.FALLBACK) ? CHALLENGE_FALLBACK : CHALLENGE;
  if (has(state, Flag.APPEALED)) return APPEAL;
  return has(state, Flag.FALLBACK) ? FALLBACK : FIRST;
}

/** The version of the panel that votes now; 0 for none. */
export const panelOf = (state) => panelOfRound(state.panel, roundOf(state));

/** The version of the panel that votes in a round; 0 for none. */
export function panelOfRound(terms, round) {
  if (round === APPEAL) return terms.appeal;
  return [FALLBACK, CHALLENGE_FALLBACK].includes(round) ? terms.fallback : terms.version;
}

/** The greatest share that a vote may name: after a challenge no more than what is said to be owed. */
export const mostShare = (state) => (has(state, Flag.CHALLENGED) ? state.consumerClaim : FULL_SHARE);

/** The case after its panel ruled `share` at block time `now`. Throws LedgerError where it could not. */
export function rule(state, share, policy, now) {
  requireVotes(state, share, now);
  let lost = state.consumerLostAppeal;
  if (roundOf(state) === APPEAL) lost = state.appellant === Role.CONSUMER ? share <= state.share : share < state.share;
  const ruled = marking({ ...state, share, fee: 0, consumerLostAppeal: lost }, Mark.RULED);
  if (mayStillAppeal(ruled)) return advance(ruled, State.RULED, policy, now);
  return advance(decide(ruled, policy, share, 0), State.PAYABLE, policy, now);
}

function mayStillAppeal(ruled) {
  const isFinal = has(ruled, Flag.APPEALED) || has(ruled, Flag.CHALLENGED) || !ruled.panel.appeal;
  return !isFinal && (ruled.share < ruled.consumerClaim || ruled.share > ruled.merchantClaim);
}

function requireVotes(state, share, now) {
  if (state.state !== State.DISPUTED || !panelOf(state)) {
    throw new LedgerError(`No panel votes while the case is '${wireOf("State", state.state)}'.`);
  }
  const due = dueOf(state);
  if (now > due) throw new LedgerError(`The time for votes ended at ${rfc3339(due)}.`);
  const most = mostShare(state);
  if (share < 0 || share > most) throw new LedgerError(`A vote here names 0 to ${most} basis points, not ${share}.`);
}
