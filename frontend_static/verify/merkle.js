// RFC 6962 Merkle trees over SHA-256: inclusion and consistency proofs, verified. Hashes are hex.
import { concatHex, fromHex, isHex, sha256Bytes, toHex } from "./bytes.js";

const HASH_SIZE = 32;
const hashOf = (hex) => toHex(sha256Bytes(fromHex(hex)));
const nodeHash = (left, right) => hashOf(concatHex("0x01", left, right));

/** The hash of an entry. */
export const leafHash = (entry) => hashOf(concatHex("0x00", entry));

const bitsOf = (value) => (value ? value.toString(2).length : 0);
const onesOf = (value) => value.toString(2).replaceAll("0", "").length;

/** Whether `proof` shows that the entry with this leaf hash is number `index` of the `size` entries under `root`. */
export function verifyInclusion({ index, size, leaf, proof, root }) {
  if (index < 0 || index >= size || ![leaf, ...proof].every((hash) => isHex(hash, HASH_SIZE))) return false;
  let rest = BigInt(index);
  const apart = bitsOf(rest ^ BigInt(size - 1));
  if (proof.length !== apart + onesOf(rest >> BigInt(apart))) return false;
  let node = leaf;
  for (const sibling of proof.slice(0, apart)) {
    node = rest & 1n ? nodeHash(sibling, node) : nodeHash(node, sibling);
    rest >>= 1n;
  }
  for (const sibling of proof.slice(apart)) node = nodeHash(sibling, node);
  return node === root;
}

/** Whether `proof` shows that the tree of `first` entries is the beginning of that of `second` entries. */
export function verifyConsistency({ first, second, firstRoot, secondRoot, proof }) {
  if (first <= 0 || first > second || !proof.every((hash) => isHex(hash, HASH_SIZE))) return false;
  if (first === second) return !proof.length && firstRoot === secondRoot;
  let [index, last] = [BigInt(first - 1), BigInt(second - 1)];
  while (index & 1n) [index, last] = [index >> 1n, last >> 1n]; // up to the earlier tree's last complete subtree
  const nodes = index ? proof : [firstRoot, ...proof]; // a complete tree's root stands for it
  const apart = bitsOf(index ^ last);
  if (nodes.length !== 1 + apart + onesOf(index >> BigInt(apart))) return false;
  let [earlier, later] = [nodes[0], nodes[0]];
  for (const sibling of nodes.slice(1, 1 + apart)) {
    if (index & 1n) earlier = nodeHash(sibling, earlier);
    later = index & 1n ? nodeHash(sibling, later) : nodeHash(later, sibling);
    index >>= 1n;
  }
  for (const sibling of nodes.slice(1 + apart))
    [earlier, later] = [nodeHash(sibling, earlier), nodeHash(sibling, later)];
  return earlier === firstRoot && later === secondRoot;
}
