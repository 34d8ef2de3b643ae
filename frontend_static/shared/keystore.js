// A private key as a file under a password: the Web3 Secret Storage Definition, version 3, which wallets read and write.
// Opened with scrypt or PBKDF2, written with PBKDF2, in this browser; AES-128-CTR, keccak-256.
import { fromHex, keccak, toHex, utf8 } from "../verify/bytes.js";
import { KeyTrouble } from "./trouble.js";

const ROUNDS = 600_000; // of PBKDF2 with SHA-256, as OWASP advises
const MOST_ROUNDS = 10_000_000; // what a file from elsewhere may ask of this machine
const MOST_MEMORY = 2 ** 30; // bytes that scrypt may take; the files of common wallets ask for a quarter of it
const plain = (bytes) => toHex(bytes).slice(2);

/** The file's text. `address` is the key's, which the file says without its password. */
export async function lockKey(secret, address, password) {
  const [salt, iv] = [32, 16].map((size) => crypto.getRandomValues(new Uint8Array(size)));
  const params = { c: ROUNDS, dklen: 32, prf: "hmac-sha256", salt: plain(salt) };
  const derived = await byPbkdf2(params, salt, utf8(password));
  const encrypted = await cipher(derived, iv, secret);
  const file = {
    version: 3,
    id: crypto.randomUUID(),
    address: address.slice(2).toLowerCase(),
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: plain(iv) },
      ciphertext: plain(encrypted),
      kdf: "pbkdf2",
      kdfparams: params,
      mac: macOf(derived, encrypted).slice(2),
    },
  };
  return JSON.stringify(file);
}

/** The 32 bytes of the key. `onProgress(part)` is told how far scrypt is, 0 to 1. Throws KeyTrouble. */
export async function unlockKey(text, password, onProgress) {
  if (!globalThis.crypto?.subtle) throw new KeyTrouble("insecure"); // a page over plain HTTP has no AES
  const { kdf, params, encrypted, iv, salt, mac } = readFile(text);
  const words = utf8(password);
  const derived =
    kdf === "scrypt" ? await byScrypt(params, salt, words, onProgress) : await byPbkdf2(params, salt, words);
  if (macOf(derived, encrypted) !== mac) throw new KeyTrouble("password");
  return cipher(derived, iv, encrypted);
}

function readFile(text) {
  try {
    const keystore = JSON.parse(text);
    const sealed = keystore.crypto ?? keystore.Crypto;
    const { kdf, kdfparams: params } = sealed;
    const isKnown = keystore.version === 3 && sealed.cipher === "aes-128-ctr" && params.dklen === 32;
    const costs = kdf === "scrypt" ? [params.n, params.r, params.p] : [params.c];
    const encrypted = hex(sealed.ciphertext);
    const isWhole = costs.every((cost) => Number.isSafeInteger(cost) && cost > 0) && encrypted.length === 32;
    const isDerived = kdf === "scrypt" || (kdf === "pbkdf2" && params.prf === "hmac-sha256");
    if (!isKnown || !isWhole || !isDerived) throw new KeyTrouble("form");
    const [iv, salt] = [hex(sealed.cipherparams.iv), hex(params.salt)];
    return { kdf, params, encrypted, iv, salt, mac: toHex(hex(sealed.mac)) };
  } catch {
    throw new KeyTrouble("form");
  }
}

function hex(digits) {
  return fromHex(`0x${digits.replace(/^0x/, "").toLowerCase()}`);
}

async function byScrypt({ n, r, p }, salt, password, onProgress) {
  if (!(128 * n * r * p <= MOST_MEMORY)) throw new KeyTrouble("heavy");
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  try {
    return await scryptAsync(password, salt, { N: n, r, p, dkLen: 32, maxmem: 2 * MOST_MEMORY, onProgress });
  } catch {
    throw new KeyTrouble("form"); // costs that scrypt does not have
  }
}

async function byPbkdf2({ c }, salt, password) {
  if (!(c <= MOST_ROUNDS)) throw new KeyTrouble("heavy");
  const material = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const method = { name: "PBKDF2", hash: "SHA-256", salt, iterations: c };
  return new Uint8Array(await crypto.subtle.deriveBits(method, material, 256));
}

/** AES-128-CTR, which is its own inverse. */
async function cipher(derived, iv, bytes) {
  const key = await crypto.subtle.importKey("raw", derived.slice(0, 16), "AES-CTR", false, ["encrypt"]);
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 128 }, key, bytes));
}

function macOf(derived, encrypted) {
  return keccak(Uint8Array.of(...derived.slice(16, 32), ...encrypted));
}
