// A case's entries, replayed by the rules: what the contract must have written, given who said what and when.
import { ZERO_ADDRESS, ZERO_WORD } from "./bytes.js";
import { dueOf } from "./case_state.js";
import { rule } from "./disputes.js";
import { ENTRY_FIELDS } from "./entry.js";
import { LedgerError } from "./errors.js";
import { applyAct, nextLapse, openCase, poke } from "./machine.js";
import { rolesOf } from "./messages.js";
import { panelTerms, rulingOf } from "./rulings.js";
import { TABLES } from "./tables.js";
import { rfc3339 } from "./times.js";
import { Flag, Grade, Kind, Role, State, isLive, numberOf, wireOf } from "./vocabulary.js";

const SIGNS_SHARE = TABLES.signs_share.map((kind) => numberOf("Kind", kind));

/** Whether the message of a kind signs a share. */
export const signsShare = (kind) => SIGNS_SHARE.includes(kind);

/**
 * The address that acts in a role; the contract's for none. `consumer` is the key bound, if another is.
 *
 * `rules` are `{ terms, parties, policy, ledger, panelContract, panels }`.
 */
export function actorOf(rules, role, consumer = null) {
  if (role === Role.CONSUMER) return consumer ?? rules.terms.consumer;
  if (role === Role.PANEL) return rules.panelContract;
  return rules.parties[wireOf("Role", role)] ?? rules.ledger;
}

/**
 * Replays all steps, `{ actor, commitment, entry }` each. `acts` are the signed ones by position; where one is missing,
 * the entry's word is taken, and what no entry shows is missed.
 *
 * `problems` holds, by position, what is wrong there; after the first one the replay stops at `stoppedAt`. `state` is the
 * case after the last good step, and `before` the case that each good step but the first met.
 */
export function replay(rules, steps, acts) {
  const result = {
    state: null,
    problems: new Map(),
    stoppedAt: null,
    released: false,
    endedAt: null,
    rulings: [],
    before: new Map(),
  };
  let position = 0;
  while (position < steps.length) {
    const step = steps[position];
    let [after, problem] = [null, null];
    try {
      after = stateAfter(rules, result, step, acts.get(position) ?? null);
      problem = differenceOf(expectedOf(rules, step, after, result.state), steps.slice(position));
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      problem = error.message;
    }
    if (problem !== null) {
      result.problems.set(position, problem);
      result.stoppedAt = position;
      return result;
    }
    keep(result, step, position, after);
    position = after.length;
  }
  return result;
}

/** The case that the record at a position met; for none, the case as it stands. */
export function metBy(replayed, position) {
  return replayed.before.get(position) ?? replayed.state;
}

/** Takes a good step into the result. */
function keep(result, { entry }, position, after) {
  const before = result.state;
  result.state = after;
  if (before === null) return;
  result.before.set(position, before);
  if (isLive(before.state) && !isLive(after.state)) {
    const byTime = entry.role === Role.NONE && entry.kind === Kind.SETTLED;
    result.endedAt = after.length - 1;
    result.released = after.state === State.CLOSED || (before.state === State.REFUNDED && byTime);
  }
}

/** The case after a step. Throws LedgerError where the contract would not have let it happen. */
function stateAfter(rules, result, step, signed) {
  const { state } = result;
  const { entry } = step;
  if (state === null) return opened(rules, entry);
  if (entry.role === Role.NONE) {
    if (!isLive(state.state) || entry.time <= dueOf(state))
      throw new LedgerError("The contract acted although nothing was due.");
    return poke(state, rules.policy, entry.time);
  }
  if (entry.role === Role.PANEL) {
    const ruling = rulingOf(state, rules.panels, step.commitment);
    const after = rule(state, ruling.share, rules.policy, entry.time);
    result.rulings.push(ruling);
    return after;
  }
  if (signed && entry.time > signed.validUntil) {
    throw new LedgerError(`The signature counted until ${rfc3339(signed.validUntil)} only.`);
  }
  const act = signed ?? actOfEntry(entry, state, step.commitment);
  if (act.kind === Kind.KEY_BOUND && rolesOf(rules.parties, act.key).length) {
    throw new LedgerError("The key that is bound is another party's.");
  }
  return applyAct(state, act, rules.policy, entry.time);
}

function opened(rules, entry) {
  if (entry.kind !== Kind.REQUESTED) throw new LedgerError("The first record of a case is 'requested'.");
  const inspectorIndependent = (entry.flags & Flag.INSPECTOR_INDEPENDENT) !== 0;
  if (inspectorIndependent && rules.parties.inspector === rules.parties.merchant) {
    throw new LedgerError("A merchant that inspects its own returns is marked as independent.");
  }
  const { mode, consumer, consumerKeyHeld } = rules.terms;
  const panel = panelTerms(rules.terms.panel, rules.panels);
  return openCase({
    mode,
    policy: rules.policy,
    consumerKeyHeld,
    inspectorIndependent,
    now: entry.time,
    consumer,
    panel,
  });
}

/** The act that an entry speaks of. Throws LedgerError where it had to sign what no entry shows. */
function actOfEntry(entry, state, commitment) {
  const isInspection = entry.kind === Kind.INSPECTED;
  if (entry.kind === Kind.KEY_BOUND || (signsShare(entry.kind) && !isInspection)) {
    throw new LedgerError("What was signed here is missing, and what follows from it cannot be told.");
  }
  const values = isInspection ? entry : { grade: Grade.NONE, share: 0, fee: 0 };
  return {
    caseId: ZERO_WORD,
    kind: entry.kind,
    role: entry.role,
    nonce: state.nonces[entry.role],
    validUntil: entry.time,
    commitment,
    grade: values.grade,
    share: values.share,
    fee: values.fee,
    key: ZERO_ADDRESS,
  };
}

/** The links that this step makes: its own, and the settlement where nothing is left to wait for. */
function expectedOf(rules, step, after, before) {
  const [position, now] = [before ? before.length : 0, step.entry.time];
  const { state, deadline, grade, share, fee, flags } = after;
  const kind = kindOf(step, before, rules.policy);
  const role = before === null ? Role.MERCHANT : step.entry.role;
  let own = { position, kind, role, state, deadline, time: now, grade, share, fee, flags };
  const settles = after.length - position === 2;
  const settled = { ...own, position: position + 1, kind: Kind.SETTLED, role: Role.NONE };
  if (settles) own = { ...own, state: State.PAYABLE, deadline: now + rules.policy.windows.get(State.PAYABLE) };
  const commitment = role === Role.NONE ? ZERO_WORD : step.commitment;
  const links = [{ actor: actorOf(rules, role, before?.consumer), commitment, entry: own }];
  return settles ? [...links, { actor: rules.ledger, commitment: ZERO_WORD, entry: settled }] : links;
}

function kindOf({ entry }, before, policy) {
  if (before !== null && entry.role === Role.NONE) return nextLapse(before, policy).kind;
  return entry.role === Role.PANEL ? Kind.RULED : entry.kind;
}

/** What differs first, in words; null where the chain did what it had to. */
function differenceOf(expected, steps) {
  for (const [at, wanted] of expected.entries()) {
    const found = steps[at];
    if (found === undefined) return "The settlement that follows at once is missing.";
    for (const name of ["actor", "commitment"]) {
      if (wanted[name] !== found[name]) return `By the rules its ${name} is ${wanted[name]}, not ${found[name]}.`;
    }
    for (const { name, list } of ENTRY_FIELDS) {
      const [want, have] = [wanted.entry[name], found.entry[name]];
      const shown = (value) => (list ? `'${wireOf(list, value)}'` : value);
      if (want !== have) return `By the rules its ${name} is ${shown(want)}, not ${shown(have)}.`;
    }
  }
  return null;
}
