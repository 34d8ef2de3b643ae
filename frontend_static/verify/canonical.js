// Canonical JSON (RFC 8785). JavaScript's own number format is the one that it names.
import { InvalidInput } from "./errors.js";
import { utf8 } from "./bytes.js";
import { Float, MAX_DEPTH } from "./strict_json.js";

/** The canonical bytes of a value. Throws InvalidInput for what JSON cannot hold exactly. */
export function canonicalBytes(value) {
  try {
    return utf8(write(value, 0));
  } catch (error) {
    throw new InvalidInput(`The record cannot be written as canonical JSON: ${error.message}.`, "data");
  }
}

function write(value, depth) {
  if (depth > MAX_DEPTH) throw new RangeError("it is nested too deep");
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return writeText(value);
  if (typeof value === "bigint") throw new RangeError("a whole number is beyond 2^53");
  if (typeof value === "number" || value instanceof Float) return writeNumber(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(",")}]`;
  // Without a comparison, sort goes by UTF-16 code units, as the RFC asks.
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${writeText(name)}:${write(value[name], depth + 1)}`).join(",")}}`;
}

/** JSON.stringify would write half a character as an escape, which the RFC refuses. */
function writeText(text) {
  utf8(text);
  return JSON.stringify(text);
}

function writeNumber(value) {
  const number = value instanceof Float ? value.value : value;
  if (!Number.isFinite(number)) throw new RangeError("a number is not finite");
  return String(number);
}
