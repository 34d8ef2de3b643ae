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
export function seenIn({ reading: { evidence, receipts }, chain, checks, checkpoint }, at) {
  const isFinal = ({ block }) => chain.headBlock - block >= chain.confirmations;
  const links = evidence.links.slice(0, evidence.links.filter(isFinal).length);
  const newest = links.at(-1);
  const anchor = evidence.checkpoint?.anchor;
  const isLogged = checks.some(({ number, result }) => number === 7 && result !== "fail");
  return {
    form: FORM,
    at,
    length: links.length,
    head: chainHeads(evidence.case_id, links),
    block: newest ? evidence.blocks.find(({ number }) => number === newest.block) : null,
    receipts: acknowledged(evidence, receipts),
    log: anchor && isFinal(anchor) && isLogged ? checkpoint : null,
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
 * Whether a checkpoint of the log is not of the log that was seen. It may be the earlier of the two: evidence names the first
 * anchored one over its observations. `prove(first, second)` fetches the hashes that show that one log begins with the
 * other (RFC 6962), or throws.
 */
export async function isOtherLog(before, { checkpoint: now }, prove) {
  const known = before?.log;
  if (!known || !now) return false;
  if (contractOf(known) !== contractOf(now)) return true;
  const [first, second] = known.size <= now.size ? [known, now] : [now, known];
  if (first.size === 0 && second.size > 0) return false; // everything begins with nothing
  if (first.size === second.size) return first.root !== second.root;
  const sizes = { first: first.size, second: second.size };
  const proof = await prove(first.size, second.size);
  return !verifyConsistency({
    ...sizes,
    firstRoot: first.root,
    secondRoot: second.root,
    proof,
  });
}

/** What the log is anchored by: a service may come to have another host. */
function contractOf({ origin }) {
  return origin.slice(origin.lastIndexOf("/") + 1);
}

/** What to keep after a check: where something was contradicted, the older memory stays, so that it is said again. */
export function remembering(before, seen, problems) {
  if (!before) return seen;
  if (problems.length) return { ...before, receipts: { ...seen.receipts, ...before.receipts } };
  const longer = seen.length < before.length ? before : seen; // a node that lags behind makes less of it final
  const log = (seen.log?.size ?? -1) < (before.log?.size ?? -1) ? before.log : seen.log;
  return { ...longer, at: seen.at, receipts: seen.receipts, log };
}
