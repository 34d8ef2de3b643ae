// JSON from outside: numbers that keep what they are, no deeper than anything of ours is, and, where asked, no member
// twice. The browser's own parser takes 1.0 for 1 and rounds what is beyond 2^53.

export const MAX_DEPTH = 64;
const MAX_DIGITS = 4_300; // of one whole number, as in the command line
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };

/** A number that was written with a point or an exponent. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

/**
 * The value of a text. Throws SyntaxError for anything else.
 *
 * With `exact`, a whole number beyond 2^53 is a BigInt and one with a point a `Float`; otherwise all are doubles. With
 * `once`, a member that is there twice is refused, since two readers would see two files.
 */
export function parseJson(text, { exact = false, once = false } = {}) {
  const reader = { text, at: 0, exact, once };
  const value = readValue(reader, 0);
  skip(reader, SPACE);
  if (reader.at !== text.length) fail(reader);
  return value;
}

/** As `parseJson`, of bytes in UTF-8. */
export function parseJsonBytes(bytes, options) {
  return parseJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), options);
}

function fail(reader) {
  throw new SyntaxError(`this is no JSON at ${reader.at}`);
}

function skip(reader, pattern) {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found) reader.at = pattern.lastIndex;
  return found;
}

function readValue(reader, depth) {
  skip(reader, SPACE);
  const first = reader.text[reader.at];
  if (first === '"') return readString(reader);
  if (first === "{" || first === "[") {
    if (depth >= MAX_DEPTH) throw new SyntaxError(`this is nested more than ${MAX_DEPTH} deep`);
    return first === "{" ? readObject(reader, depth + 1) : readArray(reader, depth + 1);
  }
  const [word, value] = WORDS[first] ?? [];
  if (word && reader.text.startsWith(word, reader.at)) {
    reader.at += word.length;
    return value;
  }
  return readNumber(reader);
}

function readNumber(reader) {
  const found = skip(reader, NUMBER);
  if (!found) fail(reader);
  const [digits, point, exponent] = found;
  const value = Number(digits);
  if (point || exponent) return reader.exact ? new Float(value) : value;
  if (digits.length > MAX_DIGITS) fail(reader);
  if (!reader.exact) return value;
  return Number.isSafeInteger(value) ? value + 0 : BigInt(digits);
}

function readString(reader) {
  const { text, at } = reader;
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (text[at] !== '"' || end >= text.length) fail(reader);
  reader.at = end + 1;
  return JSON.parse(text.slice(at, end + 1));
}

function readArray(reader, depth) {
  const items = [];
  reader.at += 1;
  if (closes(reader, "]")) return items;
  do items.push(readValue(reader, depth));
  while (goesOn(reader, "]"));
  return items;
}

function readObject(reader, depth) {
  const members = {};
  reader.at += 1;
  if (closes(reader, "}")) return members;
  do {
    skip(reader, SPACE);
    const name = readString(reader);
    skip(reader, SPACE);
    if (reader.text[reader.at] !== ":") fail(reader);
    reader.at += 1;
    if (reader.once && Object.hasOwn(members, name)) throw new SyntaxError("a member is there twice");
    const value = readValue(reader, depth);
    Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
  } while (goesOn(reader, "}"));
  return members;
}

function closes(reader, bracket) {
  skip(reader, SPACE);
  if (reader.text[reader.at] !== bracket) return false;
  reader.at += 1;
  return true;
}

function goesOn(reader, bracket) {
  if (closes(reader, bracket)) return false;
  if (reader.text[reader.at] !== ",") fail(reader);
  reader.at += 1;
  return true;
}
