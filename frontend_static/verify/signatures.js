// ECDSA over secp256k1 as Ethereum uses it: 65 bytes r, s, v; s in the lower half of the order (EIP-2).
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { checksumAddress, fromHex, keccak, toHex } from "./bytes.js";

const HALF_ORDER = secp256k1.Point.Fn.ORDER >> 1n;
const OFFSET = 27;

/** The address that signed, or null where the contract's ECDSA would refuse the signature. Both are hex. */
export function recoverSigner(digest, signature) {
  const bytes = fromHex(signature);
  const recovery = bytes[64] - OFFSET;
  if (bytes.length !== 65 || ![0, 1].includes(recovery)) return null;
  if (BigInt(toHex(bytes.slice(32, 64))) > HALF_ORDER) return null;
  try {
    const signed = secp256k1.Signature.fromBytes(bytes.slice(0, 64), "compact").addRecoveryBit(recovery);
    const point = signed.recoverPublicKey(fromHex(digest)).toBytes(false);
    return checksumAddress(`0x${keccak(point.slice(1)).slice(26)}`);
  } catch {
    return null; // a point that does not exist
  }
}
