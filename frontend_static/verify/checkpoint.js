// Checkpoints of a log: its size and root in a text (C2SP tlog-checkpoint), signed as a note (C2SP signed-note).
import { fromBase64url, sha256Bytes, toHex, utf8 } from "./bytes.js";
import { LedgerError } from "./errors.js";
import { verifyEd25519 } from "./jws.js";

const LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/;
const BODY = /^([^\n]+)\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)\n$/;
const OTHER_LINES = /[\r\v\f\x1c-\x1e\x85\u2028\u2029]/; // which others might take for the end of a line
const MOST_LINES = 100; // of signatures; the specification lets others add theirs
const LONGEST = 16_384; // characters of a note
const ED25519 = 1; // as a type of signature
const CHANGED = "The checkpoint was changed after the service signed it.";

/** What names the log of a service that is reached at `url`: no scheme, no slash at the end. */
export function originOf(url, contract) {
  return `${url.replace(/^[a-z][a-z0-9+.-]*:\/\//, "").replace(/\/+$/, "")}/${contract}`;
}

/** `{ origin, size, root }` of a note that one of these keys signed in the name of its origin. Throws LedgerError. */
export async function readCheckpoint(note, keys) {
  const at = note.indexOf("\n\n");
  const text = `${at < 0 ? note : note.slice(0, at)}\n`;
  const signatures = at < 0 ? "" : note.slice(at + 2);
  const lines = signatures.split("\n").slice(0, -1);
  const body = BODY.exec(text);
  const isWhole =
    !OTHER_LINES.test(signatures) &&
    note.length <= LONGEST &&
    signatures.endsWith("\n") &&
    lines.length > 0 &&
    lines.length <= MOST_LINES;
  if (!body || !isWhole) throw new LedgerError("The checkpoint is no signed note of a log.");
  const [, origin, size, root] = body;
  const signed = [];
  for (const line of lines) signed.push(await isSigned(line, origin, text, keys));
  if (!signed.includes(true)) throw new LedgerError("The checkpoint is not signed by a key of the service.");
  const bytes = fromBase64(root);
  if (btoa(String.fromCharCode(...bytes)) !== root)
    throw new LedgerError("The checkpoint is not in the one form that it has.");
  return { origin, size: Number(size), root: toHex(bytes) };
}

async function isSigned(line, name, text, keys) {
  const found = LINE.exec(line);
  if (!found) throw new LedgerError("The checkpoint holds a line that is no signature.");
  const signed = fromBase64(found[2]);
  const key =
    found[1] === name ? keys.find((each) => toHex(keyId(name, each)) === toHex(signed.slice(0, 4))) : undefined;
  if (!key) return false;
  if (!(await verifyEd25519(signed.slice(4), utf8(text), key))) throw new LedgerError(CHANGED);
  return true;
}

/** Four bytes that say which key of a name it is. */
function keyId(name, key) {
  return sha256Bytes(Uint8Array.from([...utf8(`${name}\n`), ED25519, ...key])).slice(0, 4);
}

function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    throw new LedgerError("The checkpoint holds a line that is no signature.");
  }
}

/** The Ed25519 keys of a JSON Web Key Set; none where it is none. */
export function keysOf({ keys }) {
  const listed = Array.isArray(keys) ? keys : [];
  return listed.flatMap((key) => {
    try {
      const bytes = key.kty === "OKP" && key.crv === "Ed25519" ? fromBase64url(key.x) : [];
      return bytes.length === 32 ? [bytes] : [];
    } catch {
      return [];
    }
  });
}
