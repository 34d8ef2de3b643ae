// What this browser remembers of a case from one check to the next, so that a history that was rewritten is found out even
// by somebody who keeps no files. Fingerprints and times alone: nothing personal.
import { chainHeads } from "./entry.js";
import { verifyConsistency } from "./merkle.js";

const PREFIX = "return-memory:";
const NODE = "return-node";
const FORM = 1;

/** What was seen of a case before; null for nothing, or where the browser keeps nothing. */
export function recall(caseId, storage = localStorage) {
  try {
    const known = JSON.parse(storage.getItem(PREFIX + caseId));
    return known?.form === FORM ? known : null;
  } catch {
    return null;
  }
}

/** Keeps what was seen. A browser that keeps nothing is no trouble of the reader's. */
export function keep(caseId, seen, storage = localStorage) {
  try {
    storage.setItem(PREFIX + caseId, JSON.stringify(seen));
  } catch {
    // private windows and full storages
  }
}

export function recallNode(storage = localStorage) {
  try {
    return storage.getItem(NODE) ?? "";
  } catch {
    return "";
  }
}

export function keepNode(url, storage = localStorage) {
  try {
    if (url) storage.setItem(NODE, url);
    else storage.removeItem(NODE);
  } catch {
    // as above
  }
}

/** What a report shows that can be held against a later one. Only what counts as final: a chain may take back the rest. */
export function seenIn({ reading: { evidence, receipts }, chain, checkpoint }, at) {
  const isFinal = ({ block }) => chain.headBlock - block >= chain.confirmations;
  const links = evidence.links.slice(0, evidence.links.filter(isFinal).length);
  const newest = links.at(-1);
  return {
    form: FORM,
    at,
    length: links.length,
    head: chainHeads(evidence.case_id, links),
    block: newest ? evidence.blocks.find(({ number }) => number === newest.block) : null,
    receipts: acknowledged(evidence, receipts),
    log: checkpoint,
  };
}

/** Fingerprint and time of each record that came with a valid receipt, by its id. */
function acknowledged(evidence, receipts) {
  const found = {};
  for (const { record_id: id, commitment, receipt } of evidence.records) {
    const claims = receipts.get(receipt);
    if (typeof claims === "object") found[id] = { commitment, at: claims.iat };
  }
  return found;
}

/**
 * What speaks against a report, given what was seen before: `{ kind, at }` each, with the kinds
 *
 * - "vanished": the timeline is shorter than it was
 * - "rewritten": its first records are others
 * - "block": the block of its newest record is another
 * - "receipt": a record that was acknowledged is gone; "changed": its content is another
 *
 * Of the log of observations, `isOtherLog` says it.
 */
export function contradictions(before, { reading: { evidence } }) {
  if (!before) return [];
  const found = [];
  if (evidence.links.length < before.length) found.push({ kind: "vanished", at: before.at });
  else if (chainHeads(evidence.case_id, evidence.links.slice(0, before.length)) !== before.head) {
    found.push({ kind: "rewritten", at: before.at });
  }
  const block = before.block && evidence.blocks.find(({ number }) => number === before.block.number);
  if (block && block.hash !== before.block.hash) found.push({ kind: "block", at: before.at });
  const stated = new Map(evidence.records.map((record) => [record.record_id, record.commitment]));
  for (const [id, { commitment, at }] of Object.entries(before.receipts)) {
    const moment = new Date(at * 1000).toISOString();
    if (!stated.has(id)) found.push({ kind: "receipt", at: moment });
    else if (stated.get(id) !== commitment) found.push({ kind: "changed", at: moment });
  }
  return found;
}

/**
 * Whether a checkpoint of the log is no continuation of the one that was seen; `prove(first, second)` fetches the hashes
 * that show that it is (RFC 6962), or throws.
 */
export async function isOtherLog(before, { checkpoint: later }, prove) {
  const earlier = before?.log;
  if (!earlier || !later) return false;
  if (earlier.origin !== later.origin || later.size < earlier.size) return true;
  const proof = earlier.size === later.size ? [] : await prove(earlier.size, later.size);
  const roots = { firstRoot: earlier.root, secondRoot: later.root };
  return earlier.size > 0 && !verifyConsistency({ first: earlier.size, second: later.size, ...roots, proof });
}

/** What to keep after a check: where something was contradicted, the older memory stays, so that it is said again. */
export function remembering(before, seen, problems) {
  if (!before) return seen;
  if (problems.length) return { ...before, receipts: { ...seen.receipts, ...before.receipts } };
  const longer = seen.length < before.length ? before : seen; // a node that lags behind makes less of it final
  return { ...longer, at: seen.at, receipts: seen.receipts, log: seen.log ?? before.log };
}
