// Values of JSON that others made, read strictly: each throws InvalidInput with the path of what is wrong.
import { isAddress, isHex, isWhole } from "./bytes.js";
import { InvalidInput } from "./errors.js";
import { Float } from "./strict_json.js";
import { LAST_MOMENT } from "./times.js";

const MAX_ITEMS = 10_000;
const MAX_TEXT = 2 ** 20; // characters of one text
const SAFE_BITS = 53;

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Float);
}

/** True for a value that has these members and no others. */
export function hasExactly(value, names) {
  return (
    isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name))
  );
}

export const object = (value, path) => demand(isObject(value), value, "It is no JSON object.", path);
export const text = textOf(MAX_TEXT);
export const hexBytes = (value, path) => demand(isHex(value), value, "It is no 0x hex in lower case.", path);
export const hexWord = (value, path) => demand(isHex(value, 32), value, "It is no 32 bytes.", path);
export const address = (value, path) => demand(isAddress(value), value, "It is no address with its checksum.", path);

/** A text of at most so many characters. */
export function textOf(most) {
  return (value, path) => {
    const fits = typeof value === "string" && (value.length <= most || [...value].length <= most);
    demand(fits, value, `It is no text of at most ${most} characters.`, path);
    return demand(isWhole(value), value, "It holds half a character.", path);
  };
}

/** Null, or what `read` reads. */
export function nullOr(read) {
  return (value, path) => (value === null ? null : read(value, path));
}

/** A whole number of so many bits; a BigInt where it may be beyond 2^53. */
export function integer(bits) {
  return (value, path) => {
    const isNumber = Number.isSafeInteger(value) || typeof value === "bigint";
    const fits = isNumber && value >= 0 && BigInt(value) >> BigInt(bits) === 0n;
    demand(fits, value, `It is no whole number of ${bits} bits.`, path);
    return bits > SAFE_BITS ? BigInt(value) : value;
  };
}

/** Seconds since 1970 UTC that a date can name. */
export function moment(value, path) {
  const seconds = integer(40)(value, path);
  return demand(seconds <= LAST_MOMENT, seconds, "It is no time before the year 10000.", path);
}

/** A list of values that `read` reads. */
export function listOf(read, most = MAX_ITEMS) {
  return (value, path) => {
    demand(Array.isArray(value) && value.length <= most, value, `It is no list of at most ${most} items.`, path);
    return value.map((item, at) => read(item, `${path}[${at}]`));
  };
}

/** An object with exactly these members, each read by its own reader. */
export function shape(readers) {
  const names = Object.keys(readers);
  return (value, path) => {
    object(value, path);
    const missing = names.find((name) => !Object.hasOwn(value, name));
    const beside = Object.keys(value).find((name) => !Object.hasOwn(readers, name));
    demand(missing === undefined, value, `It lacks '${missing}'.`, path);
    demand(beside === undefined, value, `It has an unknown '${beside}'.`, path);
    return Object.fromEntries(names.map((name) => [name, readers[name](value[name], path ? `${path}.${name}` : name)]));
  };
}

export function demand(holds, value, otherwise, path) {
  if (!holds) throw new InvalidInput(otherwise, path);
  return value;
}
