// Checks 4 to 6 of one row and of the whole case, and check 8: the events, the order, the blocks and the money.
import { ZERO_WORD } from "./bytes.js";
import { ifCanonical, isOffline, provenLock, rests, timelineProblem } from "./basis.js";
import { check, summarise, worst } from "./checks.js";
import { chainHeads } from "./entry.js";
import { isSame, isSamePlace } from "./evidence.js";
import { moneyWords, movementsProblem } from "./movements.js";
import { requestedAmountProblem } from "./row_checks.js";
import { receiptOf, tooEarly } from "./receipts.js";
import { rfc3339 } from "./times.js";
import { Mode } from "./vocabulary.js";


// --- one row ---

export function checkEvent(reading, row, basis) {
  const { evidence } = reading;
  const { link, refusal } = row;
  const events = basis.facts?.events;
  if (refusal) return checkRefusal(refusal, events, basis);
  if (link === null) return stillWaiting(reading, row);
  const where = whereOf(link);
  if (events && !events.links.some((seen) => isSame(seen, link))) {
    return check(4, "fail", `The contract has no such event in ${where}.`);
  }
  if (evidence.links.filter((one) => isSame(one, link)).length !== 1)
    return check(4, "fail", "The same event is there twice.");
  if (isOffline(basis)) {
    return rests(basis, 4, `It is in the contract's hash chain; that its event is in ${where} is the file's own word.`);
  }
  return rests(basis, 4, `It stands in an event of ${evidence.chain.ledger}: ${where}.`);
}

function checkRefusal(refusal, events, basis) {
  const where = whereOf(refusal);
  const isThere =
    !events || events.refusals.some((seen) => seen.commitment === refusal.commitment && isSamePlace(seen, refusal));
  if (!isThere) return check(4, "fail", `The chain has no such refusal in ${where}.`);
  const said = `The contract refused it, so it is no part of the case: ${refusal.reason} (${where}).`;
  return rests(basis, 4, said, { isProvable: false });
}

function whereOf({ block, tx_hash: transaction, log_index: log }) {
  return `block ${block}, transaction ${transaction}, log ${log}`;
}

function stillWaiting({ blocks, evidence }, { statement }) {
  const newest = blocks.get(evidence.head.block);
  if (newest && newest.time > statement.valid_until) {
    const until = rfc3339(statement.valid_until);
    return check(
      4,
      "fail",
      `The service accepted it, but its signature counted until ${until} and it is not recorded.`,
    );
  }
  return check(4, "pending", "The service accepted it; it waits to be recorded by the contract.");
}

export function checkStep({ replayed }, { position, refusal }) {
  if (position === null && refusal) return check(5, "pass", "It is no part of the timeline.");
  if (position === null) return check(5, "pending", "It has no position yet.");
  if (typeof replayed === "string") return check(5, "fail", replayed);
  if (replayed.problems.has(position)) return check(5, "fail", replayed.problems.get(position));
  if (replayed.stoppedAt !== null && position > replayed.stoppedAt) {
    return check(5, "skipped", `The timeline is broken at position ${replayed.stoppedAt} before it.`);
  }
  return check(5, "pass", "State, deadline and amounts follow from the record before it by the case's rules.");
}

export function checkBlock(reading, row, basis) {
  const { evidence, blocks } = reading;
  const { problem, acceptedAt } = row.statement ? receiptOf(reading, ...receiptNames(row.statement)) : {};
  if (problem) return check(6, "fail", problem);
  if (row.place === null) return check(6, "pending", "It has a valid receipt, and no block yet.");
  const block = blocks.get(row.place.block);
  const wrong = blockProblem(row, block, evidence, basis);
  if (wrong) return check(6, "fail", wrong);
  const early = tooEarly(block, acceptedAt);
  if (early) return check(6, "fail", `Its block ${early}`);
  const depth = (basis.facts?.newest.number ?? evidence.head.block) - block.number;
  const needed = evidence.chain.confirmations;
  if (depth < needed) return check(6, "pending", `Its block ${block.number} has ${depth} of ${needed} confirmations.`);
  const said = `Block ${block.number} of ${rfc3339(block.time)} has ${depth} blocks on top.`;
  return rests(basis, 6, said, { isProvable: row.link !== null });
}

function blockProblem({ place, entry }, block, evidence, { facts }) {
  if (block === undefined) return `Block ${place.block} is not among the blocks of the evidence.`;
  if (entry && entry.time !== block.time)
    return `The contract says ${entry.time} as its time, the block ${block.time}.`;
  if (block.number > evidence.head.block) return `Block ${block.number} is newer than the newest of the evidence.`;
  if (facts && !isSame(facts.blocks.get(block.number) ?? {}, block)) {
    return `Block ${block.number} with the hash ${block.hash} is not on the chain.`;
  }
  return null;
}

const receiptNames = (statement) => [statement.receipt, statement.record_id, statement.commitment];

// --- the whole case ---

export function checkEvents({ evidence, rows }, summary, { facts }) {
  if (facts?.codeIsOurs === false) {
    return check(
      4,
      "fail",
      "The code at these addresses is not that of this release's contracts: anything may run there.",
    );
  }
  const named = new Map(evidence.panels.map(({ version, ...panel }) => [version, panel]));
  if (facts?.panels && !isSamePanels(facts.panels, named)) {
    return check(4, "fail", "The panels are not those that were registered on the chain.");
  }
  const judged = rows.map(({ refusal }) => refusal).filter(Boolean);
  if (evidence.refusals.some((refusal) => !judged.some((one) => isSame(one, refusal)))) {
    return check(4, "fail", "The evidence names a refusal of a record that it does not hold, or that was recorded.");
  }
  return summary;
}

function isSamePanels(found, named) {
  return (
    found.size === named.size &&
    [...found].every(([version, panel]) => named.has(version) && isSame(panel, named.get(version)))
  );
}

export function checkTimeline({ evidence, replayed }, rows, basis) {
  const steps = summarise(5, rows, "");
  if (steps.result === "fail") return steps;
  const head = headOf(evidence.case_id, evidence.links);
  if (head !== evidence.head.value) {
    return check(
      5,
      "fail",
      "The head of the hash chain does not follow from the records: one was changed or left out.",
    );
  }
  if (evidence.links.length && replayed.state === null) return check(5, "fail", "The timeline cannot be replayed.");
  const { newer = 0, problem = timelineProblem(basis) } = againstContract(evidence, head, basis.facts);
  if (problem) return check(5, "fail", problem);
  const since = newer ? ` The contract has ${newer} more since this evidence was made.` : "";
  const done = rests(
    basis,
    5,
    `${evidence.links.length} records without a gap, by the rules, ending in the head ${head}.${since}`,
  );
  return worst([steps.result, done.result]) === "pending" && done.result === "pass" ? steps : done;
}

/** How many records the contract has beyond the evidence, or what contradicts it. */
function againstContract(evidence, head, facts) {
  if (facts === null) return {};
  if (!facts.events) {
    return facts.head === head ? {} : { problem: `The contract's head is ${facts.head}, not ${head}.` };
  }
  const { links } = facts.events;
  if (headOf(evidence.case_id, links) !== facts.head) {
    return { problem: "The chain's own events do not lead to the contract's head: the node answers wrongly." };
  }
  const isSameStart = evidence.links.every((link, at) => links[at] && isSame(link, links[at]));
  return isSameStart
    ? { newer: links.length - evidence.links.length }
    : { problem: "The contract has other records than these." };
}

function headOf(caseId, links) {
  return links.length ? chainHeads(caseId, links) : ZERO_WORD;
}

export function checkChain(reading, summary, { facts, blockHash, headersProblem }) {
  const { evidence, blocks } = reading;
  const { head, chain } = evidence;
  const problem = namedBlocksProblem(reading) ?? headersProblem;
  if (problem) return check(6, "fail", problem);
  if (facts === null) {
    const { hash } = blocks.get(head.block);
    if (blockHash === null || hash === blockHash) return summary;
    return check(6, "fail", `The evidence was made at block ${hash}, not at ${blockHash}.`);
  }
  if (facts.chainId !== chain.id || facts.genesisHash !== chain.genesis_hash) {
    return check(6, "fail", `This is another chain: ${facts.chainId} with genesis ${facts.genesisHash}.`);
  }
  if (head.block > facts.newest.number) {
    return check(6, "fail", `The evidence is newer than block ${facts.newest.number}, the newest that counts here.`);
  }
  const numbers = [...blocks.keys()].sort((one, other) => one - other);
  const missing = numbers.find((number) => !isSame(facts.blocks.get(number) ?? {}, blocks.get(number)));
  return missing === undefined ? summary : check(6, "fail", `Block ${missing} of the evidence is not on the chain.`);
}

/** What is wrong with the list of the evidence's blocks. */
function namedBlocksProblem({ evidence: { head, links, refusals, escrow, checkpoint, blocks: listed }, blocks }) {
  if (!blocks.has(head.block) || blocks.size !== listed.length) {
    return "The evidence does not name its blocks once each, with the newest among them.";
  }
  const anchored = checkpoint?.anchor ? [checkpoint.anchor] : [];
  const used = new Set([head.block, ...[...links, ...refusals, ...escrow, ...anchored].map(({ block }) => block)]);
  const isRight = used.size === blocks.size && [...used].every((number) => blocks.has(number));
  return isRight ? null : "The evidence names blocks that nothing stands in.";
}

export function checkMoney(reading, basis) {
  const { rules, replayed, evidence, rows, requested } = reading;
  const { facts } = basis;
  if (typeof rules === "string") return check(8, "fail", rules);
  if (typeof replayed === "string" || replayed.problems.size) {
    return check(8, "fail", "The outcome cannot be told, since the timeline is broken.");
  }
  const problem =
    requestedAmountProblem(reading, rules, facts?.currency ?? null) ??
    movementsProblem(evidence, rules, replayed, { facts, lock: provenLock(basis) });
  if (problem) return check(8, "fail", problem);
  if (rules.terms.mode === Mode.NONE) {
    return check(8, "pass", "This case is a record only: no money was locked and none has moved.");
  }
  if (replayed.state === null) {
    const isRefused = rows.some(({ kind, refusal }) => kind === "requested" && refusal);
    if (isRefused) return check(8, "pass", "The contract refused to open this case: no money was locked.");
    return check(8, "pending", "The money is not locked yet.");
  }
  const proven = isOffline(basis) && ` The lock in the escrow's own storage agrees. ${ifCanonical(basis)}`;
  const alone = facts ? "" : proven || ` As the evidence says; ${basis.why}.`;
  return check(8, "pass", moneyWords(evidence.escrow, requested.refund.currency) + alone);
}
