// What the contracts hold of a case, proven from a block's header (eth_getProof, EIP-1186), and how they store it.
import { concatHex, fromHex, keccak, toHex, word } from "./bytes.js";
import { decodeRlp, numberOfRlp } from "./rlp.js";
import { TABLES } from "./tables.js";
import { proveAccount, proveSlot } from "./tries.js";

const MAX_HEADER_BYTES = 2_048;
const SIZES = [32, 32, 20, 32, 32, 32, 256]; // of a header's first fields
const [STATE_ROOT, NUMBER, TIME] = [3, 8, 11];
// Where a case's word has its fields; the nonces of the roles follow, 16 bits each.
const FIELDS = {
  length: 0,
  state: 40,
  deadline: 48,
  mode: 120,
  marks: 122,
  grade: 128,
  share: 136,
  fee: 152,
  flags: 168,
};
const NONCES = 160; // below the first role's, which has the number 1
const INDEXES = (0xffffn << 24n) | (0xffffffffn << 88n); // of policy and parties in the contract's registers
const AMOUNT = (1n << 64n) - 1n;

/** `{ hash, number, time, stateRoot }` of a block's header in RLP, as hex. Throws RangeError for what is none. */
export function readHeader(hex) {
  const data = fromHex(hex);
  if (data.length > MAX_HEADER_BYTES) throw new RangeError("a block's header is shorter than that");
  const fields = decodeRlp(data, 1);
  if (!Array.isArray(fields) || fields.length < 15 || fields.length > 32)
    throw new RangeError("a block's header is a list of its fields");
  if (SIZES.some((size, at) => fields[at].length !== size))
    throw new RangeError("a field of the block's header has another length");
  return {
    hash: keccak(data),
    number: Number(numberOfRlp(fields[NUMBER])),
    time: Number(numberOfRlp(fields[TIME])),
    stateRoot: toHex(fields[STATE_ROOT]),
  };
}

/** What the proof proves under a block's state root: `{ word, head, lock }`. Throws RangeError if it does not hold. */
export function proveState(proof, { stateRoot }, { case_id: caseId, chain }) {
  const at = BigInt(slotOf(caseId, TABLES.slots.cases));
  const ledger = proveAccount(stateRoot, chain.ledger, proof.ledger);
  const escrow = proveAccount(stateRoot, chain.escrow, proof.escrow);
  return {
    head: word(proveSlot(ledger.storageRoot, at + 1n, proof.case_head)),
    word: proveSlot(ledger.storageRoot, at, proof.case_word),
    lock: proveSlot(escrow.storageRoot, BigInt(slotOf(caseId, TABLES.slots.locks)), proof.lock),
  };
}

/** Solidity's place of a mapping's value. */
function slotOf(key, slot) {
  return keccak(concatHex(key, word(slot)));
}

/** Whether a stored word is that of a case, but for the indexes of its policy and parties; null for no case. */
export function isSameCase(stored, state) {
  const fields = state ? Object.entries(FIELDS).map(([name, at]) => BigInt(state[name]) << BigInt(at)) : [];
  const nonces = state
    ? state.nonces.map((nonce, role) => (role ? BigInt(nonce) << BigInt(NONCES + 16 * role) : 0n))
    : [];
  return (stored & ~INDEXES) === [...fields, ...nonces].reduce((sum, value) => sum + value, 0n);
}

/** A lock as the escrow stores it: three amounts, the token's index, and whether it is settled. */
export function lockOf(stored) {
  const [refund, freight, reserve] = [0n, 64n, 128n].map((at) => (stored >> at) & AMOUNT);
  return { refund, freight, reserve, settled: ((stored >> 208n) & 0xffn) !== 0n };
}
