// What the checks of a case can rest on: a chain that answers, a proof of its state, or the file alone.
import { check } from "./checks.js";
import { Unavailable } from "./errors.js";
import { isSameCase, lockOf, proveState, readHeader } from "./state_proof.js";

/**
 * `facts` are what a chain answered; where there are none, `without` is the outcome that this leaves, and `why` it is so.
 * `proven` is what the evidence's state proof proves under the hash of its newest block; `blockHash` is one that the
 * reader has from elsewhere.
 */
export async function basisOf(reading, chain, blockHash) {
  const basis = { reading, chain, blockHash, facts: null, without: "skipped", why: "no chain asked", trouble: null };
  basis.headersProblem = headersProblem(reading.evidence);
  Object.assign(basis, proofOf(basis));
  if (chain === null) return basis;
  try {
    basis.facts = await chain.facts(reading.evidence);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    Object.assign(basis, { without: "pending", why: `the chain does not answer (${error.message})`, trouble: error });
  }
  return basis;
}

/** Whether the proof is what the checks rest on. */
export const isOffline = ({ chain, proven }) => chain === null && proven !== null;

/** A pass where the chain was asked, or where a proof says so of a block that the reader named; otherwise what is left. */
export function rests(basis, number, detail, { isProvable = true } = {}) {
  if (basis.facts) return check(number, "pass", detail);
  if (isOffline(basis) && isProvable)
    return check(number, isTrusted(basis) ? "pass" : "skipped", `${detail} ${ifCanonical(basis)}`);
  return check(number, basis.without, `${detail} By the evidence alone; ${basis.why}${noProof(basis)}.`);
}

/** Whether the reader said that the newest block of the evidence is the chain's. */
function isTrusted(basis) {
  return isOffline(basis) && ownBlock(basis)?.hash === basis.blockHash;
}

export function ifCanonical(basis) {
  const own = ownBlock(basis);
  if (isTrusted(basis)) return `Proven by the state at block ${own.number}, whose hash you gave.`;
  return `Proven if, and only if, this block hash is canonical: ${own.hash}.`;
}

/** What somebody who believes the report still has to believe. */
export function trustOf(basis) {
  if (basis.facts) return "Left to trust: that the node which was asked tells the truth about its chain.";
  if (!isOffline(basis))
    return `Left to trust: that the chain holds what the file says; ${basis.why}${noProof(basis)}.`;
  const { chain } = basis.reading.evidence;
  const own = ownBlock(basis);
  return (
    `Left to trust, of order, time and amounts: this block hash is canonical, ${own.hash} (block ${own.number} of chain ` +
    `${chain.id}), and that ${chain.ledger} is a ReturnLedger of this release. The file's own word are transaction hashes, ` +
    "log indexes, the numbers and hashes of earlier blocks, refusals, registered panels, and to whom money was withdrawn."
  );
}

/** Whether the proof contradicts the timeline, in words. */
export function timelineProblem({ proven, proofProblem, reading }) {
  const { head } = reading.evidence;
  if (proofProblem) return proofProblem;
  if (proven === null) return null;
  if (proven.head !== head.value)
    return `The contract holds the head ${proven.head} at block ${head.block}, not ${head.value}.`;
  if (isSameCase(proven.word, reading.replayed.state ?? null)) return null;
  return `What the contract holds of the case at block ${head.block} is not what the records lead to.`;
}

/** What the escrow holds of the case, as proven; null where nothing is. */
export const provenLock = ({ proven }) => proven && lockOf(proven.lock);

// --- the proof ---

const ownBlock = ({ reading: { blocks, evidence } }) => blocks.get(evidence.head.block);

function noProof({ reading: { evidence } }) {
  const proof = evidence.state_proof;
  if (proof?.reason !== undefined) return `, and the file holds no state proof: ${proof.reason}`;
  return proof ? "" : ", and the file holds no state proof";
}

/** What is wrong with the headers, in words. */
function headersProblem({ headers, blocks }) {
  if (headers.length && headers.length !== blocks.length)
    return "The evidence does not have one header for each of its blocks.";
  for (const [at, hex] of headers.entries()) {
    const block = blocks[at];
    let header;
    try {
      header = readHeader(hex);
    } catch (error) {
      return `The header of block ${block.number} cannot be read: ${error.message}.`;
    }
    if (header.hash !== block.hash)
      return `The header of block ${block.number} hashes to ${header.hash}, not to ${block.hash}.`;
    if (header.number !== block.number || header.time !== block.time) {
      return `By its header, block ${block.number} is number ${header.number} of the time ${header.time}.`;
    }
  }
  return null;
}

function proofOf({ reading: { evidence }, headersProblem: problem }) {
  const proof = evidence.state_proof;
  if (proof === null || proof.reason !== undefined) return { proven: null, proofProblem: null };
  const at = evidence.blocks.findIndex(({ number }) => number === evidence.head.block);
  const header = problem ? undefined : evidence.headers[at];
  if (header === undefined)
    return { proven: null, proofProblem: "The state proof has no header of the block that it is of." };
  try {
    return { proven: proveState(proof, readHeader(header), evidence), proofProblem: null };
  } catch (error) {
    return { proven: null, proofProblem: `The state proof does not hold: ${error.message}.` };
  }
}
