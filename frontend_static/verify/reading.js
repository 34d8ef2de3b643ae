// Evidence, read: records taken apart, matched with their links, and the rules that the case rests on. Nothing here
// throws on hostile evidence.
import { ZERO_ADDRESS, ZERO_WORD, isAddress } from "./bytes.js";
import { unpackEntry } from "./entry.js";
import { LedgerError } from "./errors.js";
import { isSame } from "./evidence.js";
import { readToken } from "./jws.js";
import { partiesId, readTerms, termsHash } from "./messages.js";
import { parsePolicy, policyId } from "./policies.js";
import { recordOf } from "./records.js";
import { replay } from "./replay.js";
import { panelTerms } from "./rulings.js";
import { isObject } from "./strict_fields.js";
import { Grade, Kind, Role, wireOf } from "./vocabulary.js";

/** Evidence with everything derived from it once. Rules and replay are the thing itself, or text that says what is wrong. */
export async function readEvidence(evidence, keys = evidence.jwks) {
  const rows = rowsOf(evidence);
  const reading = { evidence, keys, rows, blocks: new Map(evidence.blocks.map((block) => [block.number, block])) };
  reading.receipts = await readReceipts(evidence, keys);
  reading.isErased = rows.some(({ entry }) => entry !== null && entry.kind === Kind.ERASED);
  reading.requested = requestedOf(rows);
  reading.rules = rulesOf(evidence, rows);
  for (const row of rows) row.act = actOf(evidence, row);
  reading.replayed = replayedOf(reading);
  return reading;
}

/** Claims by token, or text that says what is wrong with it. */
async function readReceipts(evidence, keys) {
  const found = new Map();
  for (const { receipt } of [...evidence.records, ...evidence.votes, ...evidence.observations]) {
    if (found.has(receipt)) continue;
    try {
      found.set(receipt, (await readToken("receipt+jwt", receipt, keys)).claims);
    } catch (error) {
      found.set(receipt, error.message);
    }
  }
  return found;
}

// --- rows ---

/** Lines of the timeline: what was stated, and its event on the chain; at least one of the two is there. */
function rowsOf(evidence) {
  const stated = new Map(evidence.records.map((statement) => [statement.commitment, statement]));
  const refused = new Map(evidence.refusals.map((refusal) => [refusal.commitment, refusal]));
  const linked = new Set();
  const rows = evidence.links.map((link, position) => {
    let statement = linked.has(link.commitment) ? null : (stated.get(link.commitment) ?? null);
    let record = statement && recordOf(statement.canonical);
    const entry = entryOf(link);
    if (record && isAnothers(record, link, entry)) statement = record = null;
    if (statement) linked.add(link.commitment);
    return rowOf({ statement, record, link, entry, position, refusal: null });
  });
  for (const statement of evidence.records) {
    if (linked.has(statement.commitment) && statement === stated.get(statement.commitment)) continue;
    const refusal = refused.get(statement.commitment) ?? null;
    rows.push(
      rowOf({ statement, record: recordOf(statement.canonical), link: null, entry: null, position: null, refusal }),
    );
  }
  return rows;
}

function rowOf(row) {
  const { statement, record, link, entry, refusal } = row;
  const kind = entry ? wireOf("Kind", entry.kind) : record ? pythonText(record.body.kind) : "unreadable";
  return {
    ...row,
    kind,
    place: link ?? refusal,
    byContract: statement === null && link !== null && link.commitment === ZERO_WORD,
    byPanel: statement === null && entry !== null && entry.role === Role.PANEL,
  };
}

function entryOf(link) {
  try {
    return unpackEntry(link.entry);
  } catch {
    return null;
  }
}

/** Whether a link has a record's fingerprint without being its link: anybody can put any fingerprint into an act of
 * their own. */
function isAnothers({ body, commitment }, link, entry) {
  if (entry === null || commitment !== link.commitment) return false;
  return body.kind !== wireOf("Kind", entry.kind) || body.role !== wireOf("Role", entry.role);
}

// --- acts ---

/** The act that was signed; null where there is none, or it is none. */
function actOf(evidence, { statement, record }) {
  if (statement === null || record === null) return null;
  const kind = Kind[pythonText(record.body.kind).toUpperCase()];
  const role = Role[pythonText(record.body.role).toUpperCase()];
  const isAct = [kind, role].every(Number.isInteger) && statement.grade < Object.keys(Grade).length;
  const key = record.body.kind === wireOf("Kind", Kind.KEY_BOUND) ? record.body.data?.key : ZERO_ADDRESS;
  if (!isAct || (key !== ZERO_ADDRESS && !isAddress(key))) return null;
  const { nonce, valid_until: validUntil, commitment, grade, share, fee } = statement;
  return { caseId: evidence.case_id, kind, role, nonce, validUntil, commitment, grade, share, fee, key };
}

/** A value as Python writes it, since the same words have to be found. */
export function pythonText(value) {
  return { null: "None", undefined: "None", true: "True", false: "False" }[String(value)] ?? String(value);
}

// --- rules ---

function requestedOf(rows) {
  const found = rows.find(({ record }) => record?.body.kind === "requested" && isObject(record.body.data));
  return found ? found.record.body.data : {};
}

function rulesOf(evidence, rows) {
  const requested = rows.filter(({ record }) => record?.body.kind === "requested");
  if (requested.length !== 1)
    return `There are ${requested.length} records 'requested' that can be read; a case has one.`;
  try {
    return readRules(evidence, requested[0].record.body.data);
  } catch (error) {
    if (error instanceof LedgerError) return error.message;
    return "The terms in the record 'requested', the parties or the policy are not in their form.";
  }
}

function readRules(evidence, data) {
  const { parties, chain } = evidence;
  const terms = readTerms(data.terms);
  require(termsHash(terms) === evidence.case_id, "The case's id is not the hash of its terms.");
  require(partiesId(parties) === terms.parties, "The parties are not those that the terms name by hash.");
  require(isObject(data.parties) &&
    isSame(data.parties, parties), "The record 'requested' names other parties than the terms.");
  const policy = parsePolicy(evidence.policy);
  require(policyId(policy) === terms.policy, "The policy is not the one that the terms name by hash.");
  const named = { code: policy.code, version: policy.version, id: terms.policy };
  require(isObject(data.policy) &&
    isSame(data.policy, named), "The record 'requested' names another policy than the terms.");
  const panels = new Map(evidence.panels.map((panel) => [panel.version, panel]));
  require(panels.size === evidence.panels.length, "A version of a panel is there twice.");
  panelTerms(terms.panel, panels);
  return { terms, parties, policy, ledger: chain.ledger, panelContract: chain.panel, panels };
}

function require(holds, otherwise) {
  if (!holds) throw new LedgerError(otherwise);
}

// --- the timeline ---

function replayedOf({ rules, rows }) {
  if (typeof rules === "string") return rules;
  const linked = rows.filter(({ link }) => link !== null);
  const broken = linked.find(({ entry }) => entry === null);
  if (broken) return `The entry at position ${broken.position} is none.`;
  const steps = linked.map(({ link, entry }) => ({ actor: link.actor, commitment: link.commitment, entry }));
  const acts = new Map(linked.filter(({ act }) => act !== null).map(({ position, act }) => [position, act]));
  try {
    return replay(rules, steps, acts);
  } catch {
    return "The timeline cannot be replayed.";
  }
}
