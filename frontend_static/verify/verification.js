// The numbered checks by which anybody can judge a case, the same here as in the service's API and in the command line:
//
//     1 records and fingerprints   4 events of this contract   7 observations
//     2 signatures                 5 order, rules, head        8 money
//     3 roles                      6 blocks and times          (0 the seal of a bundle)
//
// Without a chain to ask, 4 to 6 are judged by the evidence itself: what contradicts itself fails, what its state proof
// proves of a block that the reader named passes, the rest is skipped.
import { sha256Bytes, toHex } from "./bytes.js";
import { basisOf, isOffline, trustOf } from "./basis.js";
import { canonicalBytes } from "./canonical.js";
import {
  checkBlock,
  checkChain,
  checkEvent,
  checkEvents,
  checkMoney,
  checkStep,
  checkTimeline,
} from "./case_checks.js";
import { originOf } from "./checkpoint.js";
import { check, reportOf, rowReport, summarise } from "./checks.js";
import { InvalidInput, LedgerError } from "./errors.js";
import { parseEvidence } from "./evidence.js";
import { readToken } from "./jws.js";
import { judgeObservations } from "./observation_checks.js";
import { readEvidence } from "./reading.js";
import { receiptOf } from "./receipts.js";
import { checkFingerprint, checkRole, checkSignature } from "./row_checks.js";
import { hasExactly } from "./strict_fields.js";
import { parseJson } from "./strict_json.js";
import { checkVote, missingVote, ruledAt } from "./vote_checks.js";

const FORMAT = "after-sales-bundle/1";

/**
 * Judges the text of a bundle. `chain` answers `facts(evidence)` and `acceptsSignature(…)`, or is null; `keys` is the
 * service's key set from elsewhere, `blockHash` a block from elsewhere to hold the head to.
 *
 * Throws InvalidInput for what is no bundle at all. The answer is a report, with the `reading`, the chain's `facts` and the
 * log's `checkpoint` that it rests on.
 */
export async function verifyBundle(text, { chain = null, keys = null, blockHash = null } = {}) {
  const bundle = readBundle(text);
  const evidence = parseEvidence(bundle.evidence);
  const { report, ...restsOn } = await verifyEvidence(evidence, { chain, blockHash, keys: keys ?? evidence.jwks });
  const checks = [await checkSeal(bundle, evidence, keys), ...report.checks];
  return { ...reportOf({ ...report, checks }), ...restsOn };
}

function readBundle(text) {
  let bundle;
  try {
    bundle = parseJson(text, { exact: true, once: true });
  } catch {
    throw new InvalidInput("It is no JSON.", "bundle");
  }
  if (!hasExactly(bundle, ["format", "evidence", "seal"]) || bundle.format !== FORMAT) {
    throw new InvalidInput(`This is no evidence bundle (${FORMAT}).`, "bundle");
  }
  return bundle;
}

async function verifyEvidence(evidence, { chain, blockHash, keys }) {
  const reading = await readEvidence(evidence, keys);
  const basis = await basisOf(reading, chain, blockHash);
  const rows = [];
  for (const row of reading.rows) rows.push(await judgeRow(reading, row, basis));
  for (const vote of evidence.votes) rows.push(await judgeVote(reading, vote, basis));
  const observed = await judgeObservations(reading, basis);
  rows.push(...observed.rows);
  const words = { ...allPass(evidence.chain), ...(isOffline(basis) ? proven(evidence.chain) : {}) };
  const summary = (number) => summarise(number, rows, words[number]);
  const checks = [
    checkDocuments(reading, summary(1)),
    summary(2),
    summary(3),
    checkEvents(reading, summary(4), basis),
    checkTimeline(reading, rows, basis),
    checkChain(reading, summary(6), basis),
    observed.summary,
    checkMoney(reading, basis),
  ];
  const report = reportOf({
    caseId: evidence.case_id,
    chain: chainNamed(evidence, basis),
    checks,
    rows,
    trust: trustOf(basis),
  });
  return { report, reading, facts: basis.facts, checkpoint: observed.checkpoint };
}

const allPass = ({ ledger, id, operator }) => ({
  1: "Each record's bytes match its fingerprint, and each personal field shown matches its digest.",
  2: "Each record is signed by the actor that it names, for this chain, this contract and this case.",
  3: "Each actor is the one that the case's terms name for the role.",
  4: `Each record's fingerprint stands in an event of the contract ${ledger}.`,
  6: `Each record's block is on chain ${id}, run by: ${operator}. Whoever runs a chain can hold its clock.`,
});

/** Instead, where a state proof and a block's hash from elsewhere are all there is. */
const proven = ({ ledger }) => ({
  4:
    `Each record's fingerprint is in the hash chain whose head the contract ${ledger} holds. Transaction hashes and log ` +
    "indexes are the file's own word.",
  6:
    "The newest block is the one whose hash you gave, by its own header; each record's time is part of its entry, which the " +
    "head proves. The numbers and hashes of earlier blocks are the file's own word.",
});

function chainNamed({ chain, head }, { facts, trouble }) {
  const { id, operator, ledger: contract, confirmations } = chain;
  return {
    id,
    operator,
    contract,
    confirmations,
    headBlock: facts?.newest.number ?? head.block,
    asked: facts !== null,
    trouble,
  };
}

async function checkSeal(bundle, evidence, keys) {
  let token, digest;
  try {
    token = await readToken("bundle+jwt", String(bundle.seal), keys ?? evidence.jwks);
    digest = toHex(sha256Bytes(canonicalBytes(bundle.evidence))).slice(2);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return check(0, "fail", error.message);
  }
  const { claims, kid } = token;
  if (claims.sha256 !== digest || claims.sub !== evidence.case_id) {
    return check(0, "fail", "The file was changed after the service sealed it.");
  }
  const known = keys ? "a key of the set you gave" : "the key named in the file; compare it with the service's";
  return check(0, "pass", `Sealed by ${claims.iss} with ${known}: ${kid}.${otherName(evidence, claims.iss)}`);
}

/** Said where a log is in another name than the seal beside it, as that of a service that was moved is. */
function otherName({ checkpoint }, issuer) {
  const [origin] = (checkpoint?.note ?? "").split("\n", 1);
  if (!origin || origin === originOf(String(issuer), checkpoint.contract)) return "";
  const name = origin.slice(0, Math.max(origin.lastIndexOf("/"), 0));
  return ` The log of observations is in the name of ${name}: ask whether the service was moved.`;
}

function checkDocuments(reading, rows) {
  const problem = missingVote(reading);
  return problem && rows.result !== "fail" ? check(1, "fail", problem) : rows;
}

async function judgeRow(reading, row, basis) {
  const checks = [
    checkFingerprint(reading, row),
    await checkSignature(reading, row, basis.chain),
    checkRole(reading, row),
    checkEvent(reading, row, basis),
    checkStep(reading, row),
    checkBlock(reading, row, basis),
  ];
  const stage = row.link ? stageAt(row.link, reading.evidence, basis) : row.refusal ? "rejected" : "accepted";
  return rowReport({
    recordId: row.statement?.record_id ?? null,
    position: row.position,
    kind: row.kind,
    stage,
    checks,
  });
}

async function judgeVote(reading, vote, basis) {
  const { problem } = receiptOf(reading, vote.receipt, vote.vote_id, vote.commitment);
  const taken = problem ? check(6, "fail", problem) : check(6, "pass", "It has a valid receipt.");
  const ruled = ruledAt(reading, vote);
  const stage = ruled ? stageAt(ruled, reading.evidence, basis) : "accepted";
  const checks = [...(await checkVote(reading, vote, basis.chain)), taken];
  return rowReport({ recordId: vote.vote_id, position: null, kind: "vote", stage, checks });
}

function stageAt(place, { chain, head }, { facts }) {
  const newest = facts?.newest.number ?? head.block;
  return newest - place.block >= chain.confirmations ? "final" : "recorded";
}
