// The checks of one vote: its document, its signature, its arbitrator's seat, and its place in the ballot.
import { check } from "./checks.js";
import { panelOfRound, roundOf } from "./disputes.js";
import { digestOf, separator, structHash } from "./messages.js";
import { recordOf } from "./records.js";
import { NO_FORM, disclosedProblem, formProblem, holderOf, judgeSignature, matches } from "./row_checks.js";
import { panelTerms } from "./rulings.js";
import { hasExactly } from "./strict_fields.js";
import { State } from "./vocabulary.js";

/** Checks 1 to 4 of a vote. */
export async function checkVote(reading, vote, chain) {
  const record = recordOf(vote.canonical);
  return [
    checkDocument(reading, vote, record),
    await checkVoteSignature(reading, vote, record, chain),
    checkSeat(reading, vote),
    checkCount(reading, vote),
  ];
}

/** Where the ruling stands that holds this vote; null while no ruling does. */
export function ruledAt(reading, vote) {
  const ruling = rulingOn(reading, vote);
  if (ruling?.votes.get(vote.arbitrator) !== vote.share) return null;
  return reading.rows.find(({ link }) => link?.commitment === ruling.ballot)?.place ?? null;
}

/** A vote that a ruling counts and whose document is not here, in words; null where there is none. */
export function missingVote({ evidence, replayed }) {
  for (const { round, votes } of replayed?.rulings ?? []) {
    for (const name of votes.keys()) {
      const isHeld = evidence.votes.some((vote) => vote.round === round && vote.arbitrator === name);
      if (!isHeld) return `The document of ${name}'s vote in round ${round} is missing.`;
    }
  }
  return null;
}

function checkDocument(reading, vote, record) {
  if (record === null) return check(1, "fail", NO_FORM);
  const { body } = record;
  const problem =
    formProblem(reading, body, body.kind === "vote") ??
    saidProblem(body, vote) ??
    disclosedProblem(body._sd, vote.disclosures);
  if (record.commitment !== vote.commitment) {
    return check(1, "fail", "The vote's bytes do not match its fingerprint: they were changed.");
  }
  const same = reading.evidence.votes.filter(
    (one) =>
      one.vote_id === vote.vote_id ||
      one.commitment === vote.commitment ||
      (one.arbitrator === vote.arbitrator && one.round === vote.round),
  );
  if (problem) return check(1, "fail", problem);
  return same.length === 1
    ? matches(reading, vote.commitment, body._sd, vote.disclosures)
    : check(1, "fail", "The vote is there twice.");
}

function saidProblem({ role, signer, data }, { arbitrator, round, share }) {
  if (role !== "panel" || signer !== arbitrator) return "The vote names another arbitrator than the one that signed.";
  const isSame = hasExactly(data, ["round", "share"]) && data.round === round && data.share === share;
  return isSame ? null : "The vote says another round or share than was signed.";
}

async function checkVoteSignature({ evidence }, vote, record, chain) {
  const holder = record && holderOf(record.body);
  if (!holder) return check(2, "fail", "It cannot be told what was signed.");
  const { round, share, valid_until: validUntil, commitment } = vote;
  const hash = structHash("Vote", { caseId: evidence.case_id, round, share, validUntil, commitment });
  const digest = digestOf(separator(evidence.chain.id, evidence.chain.panel, "ArbitrationPanel"), hash);
  return judgeSignature({ signer: vote.arbitrator, holder, digest, signature: vote.signature, chain });
}

function checkSeat({ rules }, { arbitrator, round }) {
  if (typeof rules === "string") return check(3, "fail", rules);
  const version = panelOfRound(panelTerms(rules.terms.panel, rules.panels), round);
  if (!rules.panels.get(version)?.arbitrators.includes(arbitrator)) {
    return check(3, "fail", `${arbitrator} is no arbitrator of this case's round ${round}.`);
  }
  return check(3, "pass", `${arbitrator} sits on panel ${version}, which votes in round ${round}.`);
}

function checkCount(reading, vote) {
  const ruling = rulingOn(reading, vote);
  if (!ruling && isOpen(reading, vote)) {
    return check(4, "pending", "Its round has no ruling yet, so the chain does not show whether it counted.");
  }
  if (!ruling) return check(4, "pass", "Its round ended without a ruling, so no vote of it counted.");
  const counted = ruling.votes.get(vote.arbitrator);
  if (counted === undefined) return check(4, "pass", "The round was over without it, so it is no part of the ruling.");
  if (counted !== vote.share) {
    return check(4, "fail", `The ballot has ${counted} basis points for ${vote.arbitrator}, not ${vote.share}.`);
  }
  return check(4, "pass", `The ballot ${ruling.ballot} of the ruling holds it.`);
}

function isOpen({ replayed }, { round }) {
  const state = replayed?.state ?? null;
  return state === null || (state.state === State.DISPUTED && roundOf(state) === round);
}

function rulingOn({ replayed }, { round }) {
  return replayed.rulings?.find((ruling) => ruling.round === round);
}
