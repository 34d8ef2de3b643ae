// Keystore files (Web3 Secret Storage, version 3), opened in this browser: scrypt or PBKDF2, AES-128-CTR, keccak-256.
import { fromHex, keccak, toHex, utf8 } from "../verify/bytes.js";
import { KeyTrouble } from "./trouble.js";

const MOST_MEMORY = 2 ** 30; // bytes that scrypt may take; the files of common wallets ask for a quarter of it
const MOST_ROUNDS = 10_000_000;

/** The 32 bytes of the key. `onProgress(part)` is told how far it is, 0 to 1. Throws KeyTrouble. */
export async function openKeystore(text, password, onProgress) {
  if (!globalThis.crypto?.subtle) throw new KeyTrouble("insecure"); // a page over plain HTTP has no AES
  const file = readFile(text);
  const derived = await derive(file, utf8(password), onProgress);
  const mac = keccak(Uint8Array.from([...derived.slice(16, 32), ...file.encrypted]));
  if (mac !== file.mac) throw new KeyTrouble("password");
  const key = await crypto.subtle.importKey("raw", derived.slice(0, 16), "AES-CTR", false, ["decrypt"]);
  const method = { name: "AES-CTR", counter: file.iv, length: 128 };
  return new Uint8Array(await crypto.subtle.decrypt(method, key, file.encrypted));
}

function readFile(text) {
  try {
    const keystore = JSON.parse(text);
    const crypto = keystore.crypto ?? keystore.Crypto;
    const { kdf, kdfparams: params } = crypto;
    const isKnown = keystore.version === 3 && crypto.cipher === "aes-128-ctr" && params.dklen === 32;
    const encrypted = hex(crypto.ciphertext);
    if (!isKnown || !["scrypt", "pbkdf2"].includes(kdf) || encrypted.length !== 32) throw new KeyTrouble("form");
    const [iv, salt] = [hex(crypto.cipherparams.iv), hex(params.salt)];
    return { kdf, params, encrypted, iv, salt, mac: toHex(hex(crypto.mac)) };
  } catch {
    throw new KeyTrouble("form");
  }
}

function hex(digits) {
  return fromHex(`0x${digits.replace(/^0x/, "")}`);
}

function derive({ kdf, params, salt }, password, onProgress) {
  return kdf === "scrypt" ? byScrypt(params, salt, password, onProgress) : byPbkdf2(params, salt, password);
}

async function byScrypt({ n, r, p }, salt, password, onProgress) {
  if (!(128 * n * r <= MOST_MEMORY && r * p <= 1024)) throw new KeyTrouble("heavy");
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  return scryptAsync(password, salt, { N: n, r, p, dkLen: 32, maxmem: 2 * MOST_MEMORY, onProgress });
}

async function byPbkdf2({ c, prf }, salt, password) {
  if (prf !== "hmac-sha256") throw new KeyTrouble("form");
  if (!(c <= MOST_ROUNDS)) throw new KeyTrouble("heavy");
  const material = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const method = { name: "PBKDF2", hash: "SHA-256", salt, iterations: c };
  return new Uint8Array(await crypto.subtle.deriveBits(method, material, 256));
}
