// Records: what somebody stated, as canonical JSON, and the personal fields that stand in one as digests only (RFC 9901).
import { base64url, fromBase64url, keccak, sha256Bytes, utf8 } from "./bytes.js";
import { canonicalBytes } from "./canonical.js";
import { isObject } from "./strict_fields.js";
import { parseJson, parseJsonBytes } from "./strict_json.js";

const MAX_BYTES = 64 * 1024;

/** `{ body, commitment }` of a record's canonical text; null for what is none, or could be read in two ways. */
export function recordOf(canonical) {
  try {
    const bytes = utf8(canonical);
    const body = parseJson(canonical);
    const isCanonical = isObject(body) && bytes.length <= MAX_BYTES && isEqual(canonicalBytes(body), bytes);
    return isCanonical ? { body, commitment: keccak(bytes) } : null;
  } catch {
    return null;
  }
}

/** `{ name, value, digest }` of a disclosure. Throws an error for text that is none. */
export function readDisclosure(encoded) {
  const parsed = parseJsonBytes(fromBase64url(encoded));
  const isDisclosure =
    Array.isArray(parsed) && parsed.length === 3 && parsed.slice(0, 2).every((text) => typeof text === "string");
  if (!isDisclosure) throw new RangeError("a disclosure is a JSON array of salt, name and value");
  return { name: parsed[1], value: parsed[2], digest: base64url(sha256Bytes(utf8(encoded))) };
}

function isEqual(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
