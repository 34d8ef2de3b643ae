// A private key as a file under a password: the Web3 Secret Storage Definition, version 3, which wallets read too.
import { fromHex, keccak, toHex } from "../verify/bytes.js";
import { addressOf } from "./signing.js";

const ROUNDS = 600_000; // of PBKDF2 with SHA-256, as OWASP advises
const [MOST_ROUNDS, MOST_MEMORY] = [10_000_000, 2 ** 29]; // what a file from elsewhere may ask of this machine
const plain = (bytes) => toHex(bytes).slice(2);
const bytesOf = (hex) => fromHex(`0x${hex}`);

/** The file's text. */
export async function lockKey(secret, password) {
  const [salt, iv] = [32, 16].map((size) => crypto.getRandomValues(new Uint8Array(size)));
  const kdfparams = { c: ROUNDS, dklen: 32, prf: "hmac-sha256", salt: plain(salt) };
  const derived = await derive("pbkdf2", kdfparams, password);
  const ciphertext = await cipher(derived, iv, secret);
  const file = {
    version: 3,
    id: crypto.randomUUID(),
    address: addressOf(secret).slice(2).toLowerCase(),
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: plain(iv) },
      ciphertext: plain(ciphertext),
      kdf: "pbkdf2",
      kdfparams,
      mac: macOf(derived, ciphertext),
    },
  };
  return JSON.stringify(file);
}

/** The private key; null for a wrong password. Throws an error for what is no such file. */
export async function unlockKey(text, password) {
  const { version, crypto: sealed } = JSON.parse(text);
  if (version !== 3 || sealed.cipher !== "aes-128-ctr") throw new RangeError("no key file of version 3");
  const derived = await derive(sealed.kdf, sealed.kdfparams, password);
  const ciphertext = bytesOf(sealed.ciphertext);
  if (macOf(derived, ciphertext) !== sealed.mac.toLowerCase()) return null;
  return cipher(derived, bytesOf(sealed.cipherparams.iv), ciphertext);
}

async function derive(kdf, params, password) {
  const words = new TextEncoder().encode(password);
  const salt = bytesOf(params.salt);
  if (params.dklen !== 32) throw new RangeError("no key of this length");
  if (kdf === "scrypt") {
    const { n: N, r, p } = params;
    if (!(128 * N * r * p <= MOST_MEMORY)) throw new RangeError("it asks for too much");
    const { scryptAsync } = await import("@noble/hashes/scrypt.js");
    return scryptAsync(words, salt, { N, r, p, dkLen: 32 });
  }
  if (kdf !== "pbkdf2" || params.prf !== "hmac-sha256" || !(params.c <= MOST_ROUNDS)) throw new RangeError("unknown");
  const base = await crypto.subtle.importKey("raw", words, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations: params.c };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, base, 256));
}

async function cipher(derived, iv, bytes) {
  const key = await crypto.subtle.importKey("raw", derived.slice(0, 16), "AES-CTR", false, ["encrypt"]);
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 128 }, key, bytes));
}

function macOf(derived, ciphertext) {
  return keccak(Uint8Array.of(...derived.slice(16, 32), ...ciphertext)).slice(2);
}
