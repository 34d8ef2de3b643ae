// The service's receipts of what it accepted: signed tokens that name record, chain, contract and moment.
import { LAST_MOMENT, rfc3339 } from "./times.js";

const EARLY = 900; // seconds that a block may be dated before the receipts of what is in it: clocks differ a little

/**
 * What is wrong with a receipt, or when the service accepted what it is of: `{ problem }` or `{ acceptedAt }`. It names
 * the ledger, or `contract`; `of` says in words what it is of.
 */
export function receiptOf({ evidence, receipts }, receipt, recordId, commitment, { contract, of = "record" } = {}) {
  const claims = receipts.get(receipt);
  if (typeof claims === "string") return { problem: `Its receipt does not hold: ${claims}` };
  const { chain, case_id: sub } = evidence;
  const expected = { jti: recordId, sub, commitment, chain_id: chain.id, contract: contract ?? chain.ledger };
  const isOurs = Object.entries(expected).every(([name, value]) => claims[name] === value);
  if (!isOurs || !isWhole(claims.iat)) return { problem: `Its receipt is one of another ${of}, chain or contract.` };
  return claims.iat >= 0 && claims.iat <= LAST_MOMENT
    ? { acceptedAt: claims.iat }
    : { problem: "Its receipt has no time." };
}

const isWhole = (value) => Number.isInteger(value) || typeof value === "bigint";

/** What is wrong with the time of a block that came after a receipt, in words that begin with the block. */
export function tooEarly(block, acceptedAt) {
  if (acceptedAt === undefined || block.time >= acceptedAt - EARLY) return null;
  return `is dated ${rfc3339(block.time)}, before the service even accepted it at ${rfc3339(acceptedAt)}.`;
}
