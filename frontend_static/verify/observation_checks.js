// The checks of observations: document, signature, role, and their place under an anchored checkpoint (check 7).
import { keysOf, readCheckpoint } from "./checkpoint.js";
import { check, rowReport, summarise } from "./checks.js";
import { LedgerError } from "./errors.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { digestOf, separator, structHash } from "./messages.js";
import { pythonText } from "./reading.js";
import { receiptOf, tooEarly } from "./receipts.js";
import { recordOf } from "./records.js";
import { actorOf } from "./replay.js";
import { NO_FORM, disclosedProblem, formProblem, holderOf, judgeSignature, matches } from "./row_checks.js";
import { TABLES } from "./tables.js";
import { Kind, Role } from "./vocabulary.js";

const NONE = "The case has no observations; there is nothing to check.";
const ALONE = "There are observations, and no checkpoint of the log beside them.";
const FOR_NOTHING = "There is a checkpoint of the log, and no observation that it is about.";
const ALLOWED = TABLES.observations; // who states what

/** A row with checks 1, 2, 3 and 7 for each observation, the case's check 7, and the checkpoint if it was signed:
 * `{ rows, summary, checkpoint }`. */
export async function judgeObservations(reading, basis) {
  const { observations, checkpoint } = reading.evidence;
  const without = (result, detail) => ({ rows: [], summary: check(7, result, detail), checkpoint: null });
  if (!checkpoint && !observations.length) return without("skipped", NONE);
  if (!checkpoint || !observations.length) return without("fail", checkpoint ? FOR_NOTHING : ALONE);
  const log = await readLog(reading, checkpoint, basis);
  const rows = [];
  for (const one of observations) rows.push(await judge(reading, one, log, basis));
  if (log.problem) return { rows, summary: check(7, "fail", log.problem), checkpoint: log.read };
  const held = log.size ? ` ${rows.length} of its ${log.size} entries are this case's.` : "";
  const summary = summarise(7, rows, `Each is in the log whose checkpoints ${checkpoint.contract} anchors.${held}`);
  return { rows, summary, checkpoint: log.read };
}

// --- the log ---

/** The checkpoint, read once. `problem` is what is wrong with it in words, `anchoredIn` the block of its anchor, `depth` how
 * many are on top of that. */
async function readLog(reading, given, basis) {
  const log = { given, read: null, size: 0, anchoredIn: null, depth: null, problem: null };
  log.problem = (await noteProblem(reading, log)) ?? placeProblem(reading, log, basis);
  return log;
}

async function noteProblem({ keys }, log) {
  const { note, anchor, contract } = log.given;
  if (note === null) return anchor === null ? null : "It names an anchor, and no checkpoint.";
  try {
    log.read = await readCheckpoint(note, keysOf(keys));
  } catch (error) {
    return error instanceof LedgerError ? error.message : "The checkpoint is no signed note of a log.";
  }
  log.size = log.read.size;
  const { origin } = log.read;
  const named = origin.slice(origin.lastIndexOf("/") + 1);
  return named === contract ? null : `The checkpoint is of the log of ${named}.`;
}

function placeProblem({ evidence, blocks }, log, { facts }) {
  const { anchor, contract } = log.given;
  if (anchor === null || log.read === null) return null;
  const block = blocks.get(anchor.block);
  if (block === undefined || block.number > evidence.head.block) {
    return `Block ${anchor.block} of the anchor is not among the blocks of the evidence.`;
  }
  log.anchoredIn = block;
  log.depth = (facts?.newest.number ?? evidence.head.block) - anchor.block;
  const found = facts?.anchor;
  if (found?.codeIsOurs === false) return `The code at ${contract} is not that of this release's anchor.`;
  if (found && (found.anchored?.size !== log.read.size || found.anchored.root !== log.read.root)) {
    const where = `block ${anchor.block}, transaction ${anchor.tx_hash}, log ${anchor.log_index}`;
    return `${contract} anchored no such checkpoint in ${where}.`;
  }
  return null;
}

// --- one observation ---

async function judge(reading, one, log, basis) {
  const record = recordOf(one.canonical);
  const checks = [
    checkDocument(reading, one, record),
    await checkSignature(reading, one, record, log, basis.chain),
    checkRole(reading, record),
    checkLogged(reading, one, log, basis),
  ];
  const kind = record ? pythonText(record.body.kind) : "unreadable";
  return rowReport({ recordId: one.observation_id, position: null, kind, stage: stageOf(one, log), checks });
}

function stageOf({ index }, { depth, size }) {
  if (index === null) return "accepted";
  return depth !== null && index < size ? "anchored" : "logged";
}

function checkDocument(reading, one, record) {
  if (record === null)
    return check(1, "fail", "The observation's bytes are no record in canonical form: they were changed.");
  if (record.commitment !== one.commitment) {
    return check(1, "fail", "The observation's bytes do not match its fingerprint: they were changed.");
  }
  const { body } = record;
  const problem =
    formProblem(reading, body, Object.hasOwn(ALLOWED, pythonText(body.kind))) ??
    disclosedProblem(body._sd, one.disclosures) ??
    (isRepeated(reading, one) ? "The observation is there twice." : null);
  return problem ? check(1, "fail", problem) : matches(reading, one.commitment, body._sd, one.disclosures);
}

function isRepeated({ evidence }, { observation_id: id, commitment, index }) {
  const same = (one) =>
    one.observation_id === id || one.commitment === commitment || (index !== null && one.index === index);
  return evidence.observations.filter(same).length > 1;
}

async function checkSignature({ evidence }, one, record, log, chain) {
  const holder = record && holderOf(record.body);
  if (!holder || !Object.hasOwn(record.body, "signer")) return check(2, "fail", "It cannot be told what was signed.");
  const domain = separator(evidence.chain.id, log.given.contract, "CheckpointAnchor");
  const digest = digestOf(domain, structHash("Observation", { caseId: evidence.case_id, commitment: one.commitment }));
  return judgeSignature({ signer: pythonText(record.body.signer), holder, digest, signature: one.signature, chain });
}

function checkRole(reading, record) {
  const { rules } = reading;
  if (typeof rules === "string") return check(3, "fail", rules);
  const { role, kind, signer } = record?.body ?? {};
  const number = typeof role === "string" ? TABLES.words.Role.indexOf(role) : -1;
  if (number < 0 || !Object.hasOwn(ALLOWED, pythonText(kind))) return check(3, "fail", NO_FORM);
  if (!actorsOf(reading, rules, number).includes(signer))
    return check(3, "fail", `${signer} is not this case's ${role}.`);
  if (!ALLOWED[kind].includes(role)) return check(3, "fail", `A ${role} does not state '${kind}'.`);
  return check(3, "pass", `${signer} is this case's ${role}.`);
}

/** Who held a role. An observation has no position, so a consumer's is by any key that they ever had in the case. */
function actorsOf({ rows }, rules, role) {
  if (role !== Role.CONSUMER) return [actorOf(rules, role)];
  const bound = rows.filter(({ act, position }) => position !== null && act?.kind === Kind.KEY_BOUND);
  return [rules.terms.consumer, ...bound.map(({ act }) => act.key)];
}

function checkLogged(reading, one, log, basis) {
  const problem = log.problem ?? receiptProblem(reading, one, log);
  if (problem) return check(7, "fail", problem);
  const { index, proof, commitment } = one;
  if (index === null || index >= log.size) {
    if (proof.length) return check(7, "fail", "It brings a proof, and no checkpoint that covers it.");
    if (index === null) return check(7, "pending", "It has a valid receipt, and waits for its place in the log.");
    return check(7, "pending", `It is entry ${index} of the log, and waits for a checkpoint to be anchored.`);
  }
  const { size, root } = log.read;
  if (!verifyInclusion({ index, size, leaf: leafHash(commitment), proof, root })) {
    return check(7, "fail", `It is not entry ${index} of the log of ${size} that the checkpoint stands for.`);
  }
  return checkAnchored(reading, one, log, basis);
}

function checkAnchored({ evidence }, { index }, { given: { anchor }, size, depth, read }, basis) {
  const within = `entry ${index} of the log of ${size}`;
  if (anchor === null) return check(7, "pending", `It is ${within}, whose checkpoint waits to be anchored.`);
  const needed = evidence.chain.confirmations;
  if (depth < needed) {
    const said = `has ${Math.max(depth, 0)} of ${needed} confirmations`;
    return check(7, "pending", `It is ${within}; the block ${anchor.block} of its anchor ${said}.`);
  }
  const detail = `It is ${within} with the root ${read.root}, anchored in block ${anchor.block}.`;
  if (basis.facts?.anchor) return check(7, "pass", detail);
  return check(7, basis.without, `${detail} By the evidence alone; ${basis.why}.`);
}

function receiptProblem(reading, { receipt, observation_id: id, commitment, index }, { given, size, anchoredIn }) {
  const named = { contract: given.contract, of: "observation" };
  const { problem, acceptedAt } = receiptOf(reading, receipt, id, commitment, named);
  if (problem || anchoredIn === null || index === null || index >= size) return problem;
  const early = tooEarly(anchoredIn, acceptedAt);
  return early && `The block of its anchor ${early}`;
}
