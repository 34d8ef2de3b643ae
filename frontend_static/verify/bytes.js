// Bytes and their texts. A word of the EVM, a fingerprint or an id is always its `0x` hex in lower case here, so that two
// are the same if their texts are.
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

export const ZERO_WORD = `0x${"0".repeat(64)}`;
export const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const LOW_HEX = /^0x(?:[0-9a-f]{2})*$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const ENCODER = new TextEncoder();

export function toHex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Bytes of a `0x` text in any case. Throws RangeError for what is no hex. */
export function fromHex(text) {
  if (typeof text !== "string" || !LOW_HEX.test(text.toLowerCase()) || text[1] !== "x") throw new RangeError("no hex");
  return Uint8Array.from({ length: text.length / 2 - 1 }, (_, at) =>
    Number.parseInt(text.slice(2 + 2 * at, 4 + 2 * at), 16),
  );
}

/** True for hex in lower case, of `size` bytes where that is given. */
export function isHex(text, size) {
  return typeof text === "string" && LOW_HEX.test(text) && (size === undefined || text.length === 2 + 2 * size);
}

/** The hex of several, one after the other. */
export function concatHex(...parts) {
  return `0x${parts.map((part) => part.slice(2)).join("")}`;
}

/** True for a text without half characters, which UTF-8 does not have. */
export function isWhole(text) {
  return !/[\uD800-\uDFFF]/u.test(text);
}

/** UTF-8. Throws RangeError for half a character, which a TextEncoder would replace. */
export function utf8(text) {
  if (!isWhole(text)) throw new RangeError("half a character");
  return ENCODER.encode(text);
}

/** keccak-256 of bytes or hex. */
export function keccak(data) {
  return toHex(keccak_256(typeof data === "string" ? fromHex(data) : data));
}

export function sha256Bytes(bytes) {
  return sha256(bytes);
}

/** A value as one ABI word: numbers, bigints, booleans, addresses, and 32 bytes as they are. */
export function word(value) {
  if (typeof value === "string") {
    if (value.length === 66) return value;
    if (!ADDRESS.test(value)) throw new RangeError(`${value} is no word`);
    return `0x${value.slice(2).toLowerCase().padStart(64, "0")}`;
  }
  const number = BigInt(value);
  if (number < 0n || number >> 256n) throw new RangeError(`${value} is no word`);
  return `0x${number.toString(16).padStart(64, "0")}`;
}

/** An address with its checksum (EIP-55), of 20 bytes as hex. */
export function checksumAddress(hex) {
  const digits = hex.slice(2).toLowerCase();
  const marks = keccak(utf8(digits)).slice(2);
  return `0x${Array.from(digits, (digit, at) => (marks[at] > "7" ? digit.toUpperCase() : digit)).join("")}`;
}

export function isAddress(text) {
  return typeof text === "string" && ADDRESS.test(text) && checksumAddress(text) === text;
}

export function base64url(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Throws RangeError for text that is no base64url, or not the one that `base64url` writes. */
export function fromBase64url(text) {
  if (typeof text !== "string" || !BASE64URL.test(text) || text.length % 4 === 1) throw new RangeError("no base64url");
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  if (base64url(bytes) !== text) throw new RangeError("not the one form that base64url has");
  return bytes;
}
