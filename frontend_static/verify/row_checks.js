// Checks 1 to 3 of one row: is it what was stated, by whom, and was that theirs to state?
import { fromBase64url } from "./bytes.js";
import { has } from "./case_state.js";
import { check } from "./checks.js";
import { LedgerError, Unavailable } from "./errors.js";
import { actHash, digestOf, openingHash, separator } from "./messages.js";
import { toMinor } from "./money.js";
import { readDisclosure } from "./records.js";
import { actorOf, metBy, signsShare } from "./replay.js";
import { recoverSigner } from "./signatures.js";
import { hasExactly, isObject } from "./strict_fields.js";
import { TABLES } from "./tables.js";
import { isMoment } from "./times.js";
import { Flag, Kind, Mode, Role, wireOf } from "./vocabulary.js";

const SCHEMA = "after-sales-record/1";
const MEMBERS = ["schema", "case_id", "kind", "role", "signer", "key", "occurred_at", "data", "salt", "_sd_alg", "_sd"];
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const SALT_SIZE = 16;
const SIGNATURE_CHARS = 2 + 2 * 65;
const HELD_BY = { own: "with a key of its own", service: "with a key that the service holds for it" };
export const NO_FORM = "The record is not in its form.";

// --- 1 ---

export function checkFingerprint(reading, row) {
  const { statement, record } = row;
  if (row.byContract)
    return check(1, "pass", "The contract stated this itself, in the event; there is no document beside it.");
  if (row.byPanel) return check(1, "pass", "The fingerprint of a ruling is its ballot: who voted for which share.");
  if (statement === null) return check(1, "fail", "The contract has a record here whose content is missing.");
  if (record === null)
    return check(1, "fail", "The record's bytes are no record in canonical form: they were changed.");
  if (record.commitment !== statement.commitment) {
    return check(1, "fail", "The record's bytes do not match its fingerprint: they were changed.");
  }
  const problem = fingerprintProblem(reading, row);
  return problem
    ? check(1, "fail", problem)
    : matches(reading, statement.commitment, record.body._sd, statement.disclosures);
}

function fingerprintProblem(reading, { statement, record, act }) {
  const { body } = record;
  const repeated = reading.evidence.records.filter(
    (one) => one.commitment === statement.commitment || one.record_id === statement.record_id,
  );
  return (
    formProblem(reading, body, TABLES.words.Kind.includes(body.kind)) ??
    valuesProblem(body, act) ??
    disclosedProblem(body._sd, statement.disclosures) ??
    (repeated.length === 1 ? null : "The record is there twice.")
  );
}

export function matches(reading, commitment, digests, shown) {
  const hidden = digests.length - shown.length;
  const rest = reading.isErased && hidden ? "were erased, and their fingerprints stand" : "are not shown";
  const words = `${shown.length} personal fields shown match theirs, ${hidden} ${rest}.`;
  return check(1, "pass", `The record's bytes match the fingerprint ${commitment}; ${words}`);
}

/** What is wrong with the form of a document in words. */
export function formProblem(reading, body, kindIsGood) {
  const isGood =
    hasExactly(body, MEMBERS) &&
    body.schema === SCHEMA &&
    body._sd_alg === "sha-256" &&
    kindIsGood &&
    TABLES.words.Role.includes(body.role) &&
    Object.hasOwn(HELD_BY, body.key) &&
    isObject(body.data) &&
    isSalt(body.salt) &&
    isMoment(body.occurred_at) &&
    areDigests(body._sd);
  if (!isGood) return NO_FORM;
  return body.case_id === reading.evidence.case_id ? null : "The record is one of another case.";
}

function isSalt(text) {
  try {
    return fromBase64url(text).length === SALT_SIZE;
  } catch {
    return false;
  }
}

/** Digests stand in order, none of them twice. */
function areDigests(digests) {
  if (!Array.isArray(digests)) return false;
  return digests.every(
    (digest, at) => DIGEST.test(digest) && typeof digest === "string" && (at === 0 || digests[at - 1] < digest),
  );
}

/** What the record says in words has to be what was signed in numbers. */
function valuesProblem({ data }, act) {
  if (act === null) return "What was signed is no act.";
  if (act.kind === Kind.INSPECTED) {
    const isSame = data.grade === wireOf("Grade", act.grade) && data.share === act.share && data.fee === act.fee;
    return isSame ? null : "The record says another grade, share or fee than was signed.";
  }
  if (signsShare(act.kind) && data.share !== act.share) return "The record says another share than was signed.";
  if (act.kind === Kind.REQUESTED && act.nonce) return "An opening has no nonce but zero.";
  const isUnsigned = act.grade || act.fee || (act.share && !signsShare(act.kind));
  return isUnsigned ? "The act holds values that its message does not sign." : null;
}

export function disclosedProblem(digests, shown) {
  let found;
  try {
    found = shown.map(readDisclosure);
  } catch {
    return "A personal field cannot be read: it was changed.";
  }
  if (new Set(found.map(({ digest }) => digest)).size !== found.length) return "A personal field is shown twice.";
  const wrong = found.find(({ digest }) => !digests.includes(digest));
  return wrong ? `The personal field '${wrong.name}' does not match its digest: it was changed.` : null;
}

// --- 2 ---

export async function checkSignature(reading, row, chain) {
  const { statement, record } = row;
  if (row.byContract) return check(2, "pass", "The contract acted by its own rules; nobody signs for it.");
  if (row.byPanel) return check(2, "pass", "The panel's contract took each vote by its arbitrator's signature.");
  if (statement === null || record === null)
    return check(2, "fail", "There is no record that a signature could be checked of.");
  const digest = signedDigest(reading, row);
  const holder = holderOf(record.body);
  if (digest === null || holder === null) return check(2, "fail", "It cannot be told what was signed.");
  return judgeSignature({ signer: String(record.body.signer), holder, digest, signature: statement.signature, chain });
}

/** In whose hand the signing key is, in words; null where the record does not say. */
export function holderOf({ key }) {
  return Object.hasOwn(HELD_BY, key) ? HELD_BY[key] : null;
}

/** Whether `signer` signed a digest, by its own key or as a contract account. */
export async function judgeSignature({ signer, holder, digest, signature, chain }) {
  if (recoverSigner(digest, signature) === signer) return check(2, "pass", `${signer} signed it ${holder}.`);
  if (chain === null) {
    if (signature.length === SIGNATURE_CHARS) return check(2, "fail", `The signature is not that of ${signer}.`);
    return check(2, "skipped", `${signer} signs as a contract account (ERC-1271), which only a chain can check.`);
  }
  try {
    if (await chain.acceptsSignature(signer, digest, signature)) {
      return check(2, "pass", `The contract account ${signer} says that it signed it (ERC-1271).`);
    }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return check(2, "pending", `The chain cannot be asked about the account ${signer}: ${error.message}`);
  }
  return check(2, "fail", `The signature is not that of ${signer}.`);
}

/** What the signer signed: EIP-712, bound to chain and contract; null where that cannot be told. */
function signedDigest({ evidence, rules }, { act }) {
  try {
    const domain = separator(evidence.chain.id, evidence.chain.ledger);
    if (act.kind !== Kind.REQUESTED) return digestOf(domain, actHash(act));
    return digestOf(
      domain,
      openingHash({ terms: rules.terms, commitment: act.commitment, validUntil: act.validUntil }),
    );
  } catch {
    return null;
  }
}

// --- 3 ---

export function checkRole(reading, row) {
  const { rules } = reading;
  if (typeof rules === "string") return check(3, "fail", rules);
  if (row.byContract) return contractActed(rules, row);
  if (row.byPanel) return panelRuled(rules, row);
  if (row.record === null || row.act === null) return check(3, "fail", "There is no record that names a role.");
  const { signer } = row.record.body;
  const problem = roleProblem(reading, rules, row);
  return problem
    ? check(3, "fail", problem)
    : check(3, "pass", `${signer} is this case's ${wireOf("Role", row.act.role)}.`);
}

function contractActed(rules, { link, entry }) {
  const isOwn = link.actor === rules.ledger && entry?.role === Role.NONE;
  if (isOwn) return check(3, "pass", "The contract itself acted.");
  return check(3, "fail", "This carries no record, yet it was not the contract that acted.");
}

function panelRuled(rules, { link }) {
  if (link.actor === rules.panelContract) {
    return check(3, "pass", "The contract of the panels spoke for the arbitrators that the terms name.");
  }
  return check(3, "fail", "This reads as a ruling, yet it was not the panel that ruled.");
}

function roleProblem(reading, rules, { record, link, entry, act, position, refusal }) {
  const { signer, key } = record.body;
  const { consumer, isHeld } = consumerAt(reading, rules, { signer, position, refusal });
  const role = wireOf("Role", act.role);
  if ([Role.NONE, Role.PANEL].includes(act.role) || actorOf(rules, act.role, consumer) !== signer) {
    return `${signer} is not this case's ${role}.`;
  }
  if (link && link.actor !== signer) return `The contract took it from ${link.actor}, the record names ${signer}.`;
  if (entry && (entry.role !== act.role || entry.kind !== act.kind)) {
    return `The contract took it as '${wireOf("Kind", entry.kind)}' by the ${wireOf("Role", entry.role)}.`;
  }
  if (act.role === Role.CONSUMER && isHeld !== (key === "service")) {
    return "The case says otherwise who holds the consumer's key.";
  }
  return null;
}

/** The key that acted for the consumer when this was recorded, and whether the service held it. */
function consumerAt({ replayed }, rules, { signer, position, refusal }) {
  const { consumer, consumerKeyHeld: isHeld } = rules.terms;
  const state = typeof replayed === "string" ? null : metBy(replayed, position);
  // A refused one perhaps since another key was bound.
  if (state === null || (refusal !== null && signer === consumer)) return { consumer, isHeld };
  return { consumer: state.consumer, isHeld: has(state, Flag.CONSUMER_KEY_HELD) };
}

// --- of the opening, for check 8 ---

/** Whether the amount that the record 'requested' names is what the terms lock; `currency` is the token's. */
export function requestedAmountProblem({ requested }, { terms }, currency) {
  let minor, freight;
  try {
    minor = toMinor(requested.refund.amount, requested.refund.currency);
    freight = requested.freight ? toMinor(requested.freight.amount, requested.freight.currency) : 0n;
  } catch (error) {
    if (!(error instanceof LedgerError) && !(error instanceof TypeError)) throw error;
    return "The record 'requested' names no amount.";
  }
  if (requested.escrow !== wireOf("Mode", terms.mode))
    return "The record 'requested' names another mode than the terms.";
  if (terms.mode === Mode.NONE) {
    return terms.refund + terms.freight + terms.reserve ? "The terms lock money in a mode without any." : null;
  }
  if (minor !== terms.refund || freight !== terms.freight) {
    return `The record 'requested' says ${minor} minor units and ${freight} of freight, the terms another amount.`;
  }
  if (currency !== null && currency !== requested.refund.currency) {
    return `The record 'requested' says ${requested.refund.currency}, the locked token is one of ${currency}.`;
  }
  return null;
}
