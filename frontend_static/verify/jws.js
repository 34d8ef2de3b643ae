// Checking the service's signed tokens (JWS, RFC 7515; EdDSA, RFC 8037) with its published keys alone.
import { base64url, fromBase64url, sha256Bytes, utf8 } from "./bytes.js";
import { canonicalBytes } from "./canonical.js";
import { LedgerError } from "./errors.js";
import { hasExactly, isObject } from "./strict_fields.js";
import { parseJsonBytes } from "./strict_json.js";

const KEY = { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" };

/**
 * `{ claims, kid }` of a token of this type.
 *
 * Throws LedgerError for whatever can be wrong with the token or the key set. Nothing is said about expiry.
 */
export async function readToken(kind, token, jwks) {
  try {
    return await read(kind, token, jwks);
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new LedgerError("The token cannot be read.");
  }
}

async function read(kind, token, jwks) {
  const signed = token.slice(0, Math.max(0, token.lastIndexOf(".")));
  const [headerText, claimsText] = splitOnce(signed);
  const header = parseJsonBytes(fromBase64url(headerText));
  if (header.alg !== "EdDSA" || header.typ !== kind) throw new LedgerError(`The token is not of the type ${kind}.`);
  const kid = String(header.kid);
  const signature = fromBase64url(token.slice(token.lastIndexOf(".") + 1));
  const isSigned = await verifyEd25519(signature, utf8(signed), keyOf(kid, jwks));
  if (!isSigned) throw new LedgerError("The token's signature is not the service's.");
  const claims = parseJsonBytes(fromBase64url(claimsText), { exact: true });
  if (!isObject(claims)) throw new LedgerError("The token holds no claims.");
  return { claims, kid };
}

function splitOnce(text) {
  const at = text.indexOf(".");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The public key of this id. */
function keyOf(kid, jwks) {
  if (!hasExactly(jwks, ["keys"])) throw new LedgerError("The key set is not in the form of RFC 7517.");
  for (const key of jwks.keys) {
    const thumbprint = thumbprintOf(key);
    const isOurs =
      hasExactly(key, [...Object.keys(KEY), "kid", "x"]) && Object.keys(KEY).every((name) => key[name] === KEY[name]);
    if (!isOurs || key.kid !== thumbprint) throw new LedgerError("A key of the key set is not what its id says.");
    if (kid === thumbprint) return fromBase64url(key.x);
  }
  throw new LedgerError("The token was signed by a key that is not in the key set.");
}

/** A key's name by RFC 7638. */
function thumbprintOf({ crv, kty, x }) {
  return base64url(sha256Bytes(canonicalBytes({ crv, kty, x })));
}

/** Whether a key signed a message: judged by the browser itself where it can (on secure origins, and not in all), else by
 * the library. */
export async function verifyEd25519(signature, message, key) {
  if (key.length !== 32) throw new RangeError("no Ed25519 key");
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    const { ed25519 } = await import("@noble/curves/ed25519.js");
    return signature.length === 64 && ed25519.verify(signature, message, key, { zip215: false });
  }
}
