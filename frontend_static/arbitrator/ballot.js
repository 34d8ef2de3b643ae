// What a vote is: what it pays, and what is signed. Pure: no page, no clock.
import { canonicalBytes } from "../verify/canonical.js";
import { keccak } from "../verify/bytes.js";
import { digestOf, separator, structHash } from "../verify/messages.js";
import { toDecimal, toMinor } from "../verify/money.js";
import { splitLock } from "../verify/payout.js";
import { readDisclosure } from "../verify/records.js";

export const ROUNDS = ["first", "fallback", "appeal", "challenge", "challenge_fallback"]; // by the contract's number
export const MOST_WORDS = 2_000;
export const GROUNDS = [
  "as_inspected",
  "condition_better",
  "condition_worse",
  "defect_shown",
  "not_as_described",
  "misused",
  "not_returned",
  "deadline_missed",
  "evidence_missing",
  "payment_missing",
];

/** `{ consumer, merchant, arbitrators }` as decimal strings: what a ruling of this share pays, as the contract would. */
export function payoutOf({ payout_terms: terms, refund: { currency } }, share) {
  const minor = (name) => toMinor(terms[name], currency);
  const isLost = terms.consumer_loses_up_to !== null && share <= terms.consumer_loses_up_to;
  const paid = splitLock({
    refund: minor("refund"),
    freight: minor("freight"),
    reserve: minor("reserve"),
    share,
    fee: 0,
    freightToConsumer: share > 0 && terms.freight_to_consumer,
    fees: minor("fees"),
    feesFromConsumer: minor(isLost ? "fees_if_lost" : "fees_of_consumer"),
  });
  const shown = (value) => toDecimal(value, currency);
  return {
    consumer: shown(paid.toConsumer),
    merchant: shown(paid.toMerchant),
    arbitrators: shown(paid.toPanel),
  };
}

/** Whether the service's own amounts are those that the contract's arithmetic gives here. */
export function amountsAgree(dispute) {
  return dispute.payouts.every((row) => {
    const own = payoutOf(dispute, row.share);
    const names = row.merchant === null ? ["consumer", "arbitrators"] : ["consumer", "merchant", "arbitrators"];
    return names.every((name) => own[name] === row[name]);
  });
}

/** Basis points of what was typed as per cent, with a comma or a point; null for what is none, or above `most`. */
export function shareOfPercent(text, most) {
  if (!/^\d{1,3}([.,]\d{1,2})?$/.test(text.trim())) return null;
  const [whole, part = ""] = text.trim().split(/[.,]/);
  return within(Number(whole) * 100 + Number(part.padEnd(2, "0")), most);
}

/** Basis points of what was typed as such; null for what is none, or above `most`. */
export function shareOfPoints(text, most) {
  return /^\d{1,5}$/.test(text.trim()) ? within(Number(text), most) : null;
}

function within(share, most) {
  return share <= most ? share : null;
}

export function percentText(share) {
  const part = String(share % 100).padStart(2, "0").replace(/0+$/, "");
  return `${Math.floor(share / 100)}${part ? `.${part}` : ""}`;
}

/** The panels' rulings that stand in a timeline, oldest first: `{ share, votes, recorded_at }` each. */
export function rulingsOf(timeline) {
  return timeline
    .filter((step) => step.kind === "ruled" && step.by.key === "panel")
    .map((step) => ({ share: step.data.share, votes: step.data.votes ?? [], recorded_at: step.recorded_at }));
}

/** The vote of this address in the round that runs; null before there is one, and for one that was refused. */
export function ownVote(dispute, address) {
  const mine = dispute.votes.filter((vote) => vote.arbitrator === address && vote.round === dispute.round);
  return mine.at(-1) ?? null;
}

/** What is sent to be prepared, of what the form holds. */
export function bodyOf(dispute, { share, grounds, words }) {
  return { share, grounds, reason: words.trim(), conflict: "none", round: dispute.round_number };
}

/**
 * The digest to sign (EIP-712), computed here. Throws RangeError where the service prepared anything else than what this
 * arbitrator decided: another share, case, round, contract, chain, or other grounds under the fingerprint.
 */
export function digestToSign(dispute, address, body, prepared) {
  const { record, typed_data: typed, disclosures, commitment } = prepared;
  const expected = {
    caseId: dispute.case_id,
    round: dispute.round_number,
    share: body.share,
    validUntil: prepared.valid_until,
    commitment,
  };
  const domain = {
    name: "ArbitrationPanel",
    version: "1",
    chainId: dispute.chain.id,
    verifyingContract: dispute.chain.panel,
  };
  const said = disclosures.map(readDisclosure);
  const sealed = Object.fromEntries(said.map(({ name, value }) => [name, value]));
  const wanted = { reason: body.reason, grounds: body.grounds.join(", "), conflict: body.conflict };
  const isSealed = Object.entries(wanted).every(([name, value]) => (sealed[name] ?? "") === value);
  const isNamed = same(said.map(({ digest }) => digest).sort(), record._sd);
  const isRecord =
    keccak(canonicalBytes(record)) === commitment &&
    same([record.case_id, record.signer], [dispute.case_id, address]) &&
    same(record.data, { round: expected.round, share: body.share });
  if (!isSealed || !isNamed || !isRecord || !same(typed.message, expected) || !same(typed.domain, domain)) {
    throw new RangeError("what was prepared is not what was decided");
  }
  return digestOf(separator(domain.chainId, domain.verifyingContract, domain.name), structHash("Vote", expected));
}

function same(one, other) {
  return new TextDecoder().decode(canonicalBytes(one)) === new TextDecoder().decode(canonicalBytes(other));
}
