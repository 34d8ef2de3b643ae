// A case as the contract stores it, and the small steps that every change of it is made of. A case is never changed: each
// step gives a new one.
import { ZERO_ADDRESS } from "./bytes.js";
import { LedgerError } from "./errors.js";
import { reimbursesFreight } from "./policies.js";
import { Flag, Grade, Mode, PASSING_MARKS, Role, State, isLive, wireOf } from "./vocabulary.js";

const LAST_NONCE = 2 ** 16 - 1;
const EMPTY = Object.freeze({
  flags: 0,
  grade: Grade.NONE,
  deadline: 0,
  length: 0,
  share: 0,
  fee: 0,
  nonces: Object.values(Role).map(() => 0),
  marks: 0,
  consumer: ZERO_ADDRESS,
  panel: { version: 0, appeal: 0, fallback: 0 },
  consumerClaim: 0,
  merchantClaim: 0,
  offer: 0,
  appellant: Role.NONE,
  consumerLostAppeal: false,
  notice: null, // { kind, effectiveAt, share, key }
});

export const newCase = (values) => ({ ...EMPTY, ...values });
export const has = (state, flag) => (state.flags & flag) !== 0;
export const marked = (state, mark) => (state.marks & mark) !== 0;
export const flagging = (state, flag) => ({ ...state, flags: state.flags | flag });
export const clearing = (state, flags) => ({ ...state, flags: state.flags & ~flags });
export const marking = (state, mark) => ({ ...state, marks: state.marks | mark });
export const unmarking = (state, marks) => ({ ...state, marks: state.marks & ~marks });
export const staying = (state) => ({ ...state, length: state.length + 1 });

/** The case with one more of the role's nonces used. */
export function bumping(state, role) {
  if (state.nonces[role] >= LAST_NONCE) {
    throw new LedgerError(`The ${wireOf("Role", role)} has used up all nonces of this case.`);
  }
  return { ...state, nonces: state.nonces.map((nonce, at) => (at === role ? nonce + 1 : nonce)) };
}

/** The last second at which anybody may act, after which `poke` may; 0 in a terminal state. */
export function dueOf({ deadline, notice }) {
  return notice ? Math.min(deadline, notice.effectiveAt) : deadline;
}

/** Basis points that a provider's refund can still lack: the share decided, less the fee. */
export function owedOf({ share, fee }) {
  return Math.max(0, share - fee);
}

/** Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well. */
export function decide(state, policy, share, fee, { bySilence = false } = {}) {
  let merchantBears = bySilence || state.grade === Grade.DEFECTIVE || reimbursesFreight(policy);
  if (has(state, Flag.CHALLENGED)) merchantBears = has(state, Flag.FREIGHT_TO_CONSUMER);
  const decided = clearing({ ...state, share, fee }, Flag.FREIGHT_TO_CONSUMER);
  return share && merchantBears ? flagging(decided, Flag.FREIGHT_TO_CONSUMER) : decided;
}

/** Enters a state by one record, and at once the next where nothing is left to wait for. */
export function advance(state, to, policy, now) {
  const settledByLock = state.state === State.REFUNDED || has(state, Flag.CHALLENGED); // the provider had its turn
  let next = state;
  let [target, length] = [to, state.length + 1];
  if (to === State.PAYABLE && (state.mode === Mode.REFUND || state.share === 0 || settledByLock)) {
    [target, length] = [State.SETTLED, length + 1];
    if (state.mode === Mode.NONE && state.share && settledByLock) next = flagging(next, Flag.UNPAID);
  }
  const deadline = isLive(target) ? now + policy.windows.get(target) : 0;
  return { ...next, state: target, deadline, length, notice: null, offer: 0, marks: next.marks & ~PASSING_MARKS };
}
