// Panels of arbitrators, and the word that holds the votes of a round.
import { ZERO_ADDRESS, word } from "./bytes.js";
import { InvalidInput } from "./errors.js";
import { FULL_SHARE } from "./vocabulary.js";

const SEATS = 15;
const SEAT_BITS = 16n;
export const COUNT_BIT = 248n; // from which on a ballot holds the number of its votes

/** Throws InvalidInput for a panel that the contract would refuse whatever else is registered. */
export function checkPanel({ arbitrators, threshold }) {
  const size = arbitrators.length;
  if (size < 1 || size > SEATS)
    throw new InvalidInput(`A panel has 1 to ${SEATS} arbitrators, not ${size}.`, "arbitrators");
  const different = new Set(arbitrators.map((named) => named.toLowerCase())).size;
  if (arbitrators.includes(ZERO_ADDRESS) || different !== size) {
    throw new InvalidInput("An arbitrator is named twice, or is nobody.", "arbitrators");
  }
  if (threshold % 2 === 0 || threshold < 1 || threshold > size) {
    throw new InvalidInput(`The threshold is an odd number up to ${size}, not ${threshold}.`, "threshold");
  }
}

/** The word of a round, given the shares by arbitrator. Throws RangeError for a vote of nobody on the panel. */
export function ballotOf(panel, votes) {
  let value = BigInt(votes.size) << COUNT_BIT;
  for (const [arbitrator, share] of votes) {
    const seat = panel.arbitrators.indexOf(arbitrator);
    if (seat < 0 || share < 0 || share > FULL_SHARE) throw new RangeError("no vote of this panel");
    value += BigInt(share + 1) << (SEAT_BITS * BigInt(seat));
  }
  return word(value);
}

/** What a ballot has for the seat of each arbitrator, as they are numbered: the share plus one, 0 for no vote. */
export function markOf(ballot, seat) {
  return Number((BigInt(ballot) >> (SEAT_BITS * BigInt(seat))) & 0xffffn);
}

/** The share in the middle; with an even number, the higher one of the two there. */
export function median(shares) {
  return [...shares].sort((one, other) => one - other)[Math.floor(shares.length / 2)];
}
