// The word that says what a record did to its case, and the links of a case's hash chain.
import { concatHex, keccak, word } from "./bytes.js";
import { wireOf } from "./vocabulary.js";

// Name, bits and, for a word, its list; from the lowest bit.
const FIELDS = [
  ["position", 24],
  ["kind", 8, "Kind"],
  ["role", 8, "Role"],
  ["state", 8, "State"],
  ["deadline", 40],
  ["time", 40],
  ["grade", 8, "Grade"],
  ["share", 16],
  ["fee", 16],
  ["flags", 8],
];
export const ENTRY_FIELDS = FIELDS.map(([name, , list]) => ({ name, list }));

/** The entry of its 32 bytes. Throws RangeError for a number that is no kind, role, state or grade. */
export function unpackEntry(hex) {
  let rest = BigInt(hex);
  const entry = {};
  for (const [name, bits, list] of FIELDS) {
    entry[name] = Number(BigInt.asUintN(bits, rest));
    rest >>= BigInt(bits);
    if (list) wireOf(list, entry[name]);
  }
  if (rest) throw new RangeError("an entry has no bits above its fields");
  return entry;
}

export function packEntry(entry) {
  const parts = [...FIELDS].reverse();
  return word(parts.reduce((value, [name, bits]) => (value << BigInt(bits)) | BigInt(entry[name]), 0n));
}

/** The head after all links, in order; the first head is the case's id. */
export function chainHeads(caseId, links) {
  return links.reduce(
    (head, { actor, commitment, entry }) => keccak(concatHex(head, word(actor), commitment, entry)),
    caseId,
  );
}
