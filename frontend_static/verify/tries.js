// Proofs of Merkle-Patricia tries (Ethereum Yellow Paper, appendix D), as eth_getProof gives them (EIP-1186): the nodes
// from the root down to where the key ends. Nothing may be missing, and nothing be beside.
import { fromHex, keccak, toHex, word } from "./bytes.js";
import { decodeRlp, numberOfRlp, sizeOf } from "./rlp.js";

const MAX_NODES = 65; // a key has 64 nibbles
const MAX_NODE_BYTES = 1_024;
const HASH_SIZE = 32;

/** `{ storageRoot, codeHash }` of the account at an address. Throws RangeError for a proof that does not hold. */
export function proveAccount(stateRoot, address, nodes) {
  const value = prove(stateRoot, keccak(address.toLowerCase()), nodes);
  if (value === null) throw new RangeError("the state has no such account");
  const leaf = decodeRlp(value, 1);
  if (!Array.isArray(leaf) || leaf.length !== 4)
    throw new RangeError("an account is nonce, balance, storage root and code hash");
  numberOfRlp(leaf[0]);
  numberOfRlp(leaf[1]);
  if (leaf[2].length !== HASH_SIZE || leaf[3].length !== HASH_SIZE) {
    throw new RangeError("an account's storage root and code hash are 32 bytes");
  }
  return { storageRoot: toHex(leaf[2]), codeHash: toHex(leaf[3]) };
}

/** What a storage slot holds, as BigInt; 0 where the proof shows that it holds nothing. */
export function proveSlot(storageRoot, slot, nodes) {
  const value = prove(storageRoot, keccak(word(slot)), nodes);
  if (value === null) return 0n;
  const held = numberOfRlp(decodeRlp(value, 0));
  if (held === 0n || held >> 256n) throw new RangeError("a slot holds a word that is not zero, or nothing");
  return held;
}

/** The value under a key, null where the proof shows that there is none. Nodes are hex. */
function prove(root, key, nodes) {
  const data = nodes.map(fromHex);
  if (data.length > MAX_NODES || data.some((node) => node.length > MAX_NODE_BYTES))
    throw new RangeError("the proof is larger than any");
  let at = { isFound: false, item: fromHex(root), path: key.slice(2) };
  let used = 0;
  while (!at.isFound) {
    let node = at.item;
    if (!Array.isArray(node)) {
      node = named(node, data[used]);
      used += 1;
    }
    at = step(node, at.path);
  }
  if (used !== data.length) throw new RangeError("the proof has nodes that its path does not need");
  if (Array.isArray(at.item)) throw new RangeError("a value is bytes");
  return at.item.length ? at.item : null;
}

const NOTHING = new Uint8Array();
const isEmpty = (item) => !Array.isArray(item) && item.length === 0;

/** The node that a hash names. */
function named(reference, data) {
  if (data === undefined) throw new RangeError("the proof ends before its path does");
  if (reference.length !== HASH_SIZE || keccak(data) !== toHex(reference)) {
    throw new RangeError("a node of the proof is not the one that is named above it");
  }
  return decodeRlp(data);
}

/** Whether the search is over, with the value (empty for none); else the node below, and the path from there. */
function step(node, path) {
  if (isEmpty(node)) return { isFound: true, item: NOTHING, path };
  if (Array.isArray(node) && node.length === 17) return branch(node, path);
  if (Array.isArray(node) && node.length === 2) return short(node, path);
  throw new RangeError("a node of the proof is neither a branch nor a leaf nor an extension");
}

function branch(node, path) {
  if (!path) return { isFound: true, item: node[16], path };
  const next = node[Number.parseInt(path[0], 16)];
  if (isEmpty(next)) return { isFound: true, item: NOTHING, path };
  return { isFound: false, item: below(next), path: path.slice(1) };
}

/** A leaf, or an extension. */
function short([first, second], path) {
  const { nibbles, isLeaf } = readNibbles(first);
  if (isEmpty(second)) throw new RangeError("a leaf holds something, and an extension leads somewhere");
  if (isLeaf) return { isFound: true, item: path === nibbles ? second : NOTHING, path };
  if (!nibbles) throw new RangeError("an extension leads somewhere");
  if (!path.startsWith(nibbles)) return { isFound: true, item: NOTHING, path };
  return { isFound: false, item: below(second), path: path.slice(nibbles.length) };
}

/** A node that stands inside another is shorter than the hash that would name it. */
function below(node) {
  const isRight = Array.isArray(node) ? sizeOf(node) < HASH_SIZE : node.length === HASH_SIZE;
  if (!isRight) throw new RangeError("a node is named by 32 bytes, or shorter than that");
  return node;
}

/** A hex-prefix encoded path (appendix C), and whether it is a leaf's. */
function readNibbles(item) {
  if (Array.isArray(item) || !item.length) throw new RangeError("a path is bytes");
  const text = toHex(item).slice(2);
  const flag = Number.parseInt(text[0], 16);
  if (flag > 3 || (flag % 2 === 0 && text[1] !== "0")) throw new RangeError("a path does not begin as paths do");
  return { nibbles: text.slice(flag % 2 ? 1 : 2), isLeaf: flag >= 2 };
}
