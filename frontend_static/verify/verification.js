// The numbered checks by which anybody can judge a case, the same here as in the service's API and in the command line:
//
//     1 records and fingerprints   4 events of this contract   7 observations
//     2 signatures                 5 order, rules, head        8 money
//     3 roles                      6 blocks and times          (0 the seal of a bundle)
//
// Without a chain to ask, 4 to 6 are judged by the evidence itself: what contradicts itself fails, the rest is skipped.
import { sha256Bytes, toHex } from "./bytes.js";
import { canonicalBytes } from "./canonical.js";
import { check, reportOf, rowReport, summarise } from "./checks.js";
import { LedgerError, InvalidInput, Unavailable } from "./errors.js";
import { parseEvidence } from "./evidence.js";
import { readToken } from "./jws.js";
import { readEvidence } from "./reading.js";
import { checkFingerprint, checkRole, checkSignature } from "./row_checks.js";
import { hasExactly } from "./strict_fields.js";
import { parseJson } from "./strict_json.js";
import { checkVote, ruledAt } from "./vote_checks.js";
import { checkBlock, checkChain, checkEvent, checkEvents, checkMoney, checkStep, checkTimeline, receiptOf } from "./case_checks.js";

const FORMAT = "after-sales-bundle/1";

/**
 * Judges the text of a bundle. `chain` answers `facts(evidence)` and `acceptsSignature(…)`, or is null; `keys` is the
 * service's key set from elsewhere.
 *
 * Throws InvalidInput for what is no bundle at all. The answer is a report, with the `reading` that it rests on.
 */
export async function verifyBundle(text, chain = null, keys = null) {
  const bundle = readBundle(text);
  const evidence = parseEvidence(bundle.evidence);
  const { report, reading, facts } = await verifyEvidence(evidence, chain);
  const checks = [await checkSeal(bundle, evidence, keys), ...report.checks];
  return { ...reportOf({ ...report, checks }), reading, facts };
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

async function verifyEvidence(evidence, chain) {
  const reading = await readEvidence(evidence);
  const asked = await ask(evidence, chain);
  const rows = [];
  for (const row of reading.rows) rows.push(await judgeRow(reading, row, asked));
  for (const vote of evidence.votes) rows.push(await judgeVote(reading, vote, asked));
  const { ledger, id, operator } = evidence.chain;
  const checks = [
    summarise(1, rows, "Each record's bytes match its fingerprint, and each personal field shown matches its digest."),
    summarise(2, rows, "Each record is signed by the actor that it names, for this chain, this contract and this case."),
    summarise(3, rows, "Each actor is the one that the case's terms name for the role."),
    checkEvents(reading, summarise(4, rows, `Each record's fingerprint stands in an event of the contract ${ledger}.`), asked),
    checkTimeline(reading, rows, asked),
    checkChain(
      reading,
      summarise(6, rows, `Each record's block is on chain ${id}, run by: ${operator}. Whoever runs a chain can hold its clock.`),
      asked,
    ),
    check(7, "skipped", "This release records no observations; there is nothing to check."),
    checkMoney(reading, asked),
  ];
  const report = reportOf({ caseId: evidence.case_id, chain: chainNamed(evidence, asked), checks, rows });
  return { report, reading, facts: asked.facts };
}

/** What a chain answered: facts, or why there are none, and the outcome that this leaves. */
async function ask(evidence, chain) {
  if (chain === null) return { chain, facts: null, without: "skipped", why: "no chain asked" };
  try {
    return { chain, facts: await chain.facts(evidence), without: "pass", why: "" };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { chain, facts: null, without: "pending", why: `the chain does not answer (${error.message})`, trouble: error };
  }
}

function chainNamed({ chain, head }, { facts, trouble = null }) {
  const { id, operator, ledger: contract, confirmations } = chain;
  return { id, operator, contract, confirmations, headBlock: facts?.newest.number ?? head.block, asked: facts !== null, trouble };
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
  return check(0, "pass", `Sealed by ${claims.iss} with ${known}: ${kid}.`);
}

async function judgeRow(reading, row, asked) {
  const checks = [
    checkFingerprint(reading, row),
    await checkSignature(reading, row, asked.chain),
    checkRole(reading, row),
    checkEvent(reading, row, asked),
    checkStep(reading, row),
    checkBlock(reading, row, asked),
  ];
  const stage = row.link ? stageAt(row.link, reading.evidence, asked) : row.refusal ? "rejected" : "accepted";
  return rowReport({ recordId: row.statement?.record_id ?? null, position: row.position, kind: row.kind, stage, checks });
}

async function judgeVote(reading, vote, asked) {
  const { problem } = receiptOf(reading, vote.receipt, vote.vote_id, vote.commitment);
  const taken = problem ? check(6, "fail", problem) : check(6, "pass", "It has a valid receipt.");
  const ruled = ruledAt(reading, vote);
  const stage = ruled ? stageAt(ruled, reading.evidence, asked) : "accepted";
  const checks = [...(await checkVote(reading, vote, asked.chain)), taken];
  return rowReport({ recordId: vote.vote_id, position: null, kind: "vote", stage, checks });
}

function stageAt(place, { chain, head }, { facts }) {
  const newest = facts?.newest.number ?? head.block;
  return newest - place.block >= chain.confirmations ? "final" : "recorded";
}
