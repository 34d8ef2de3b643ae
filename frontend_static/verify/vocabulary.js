// The words of a case and their numbers on the chain, out of the tables that Python has as well.
import { TABLES } from "./tables.js";

const enums = Object.fromEntries(
  Object.entries(TABLES.words).map(([name, wires]) => [
    name,
    Object.freeze(Object.fromEntries(wires.map((wire, number) => [wire.toUpperCase(), number]))),
  ]),
);
export const { State, Role, Kind, Mode, Grade, Freight } = enums;
export const Flag = Object.freeze(TABLES.flags);
export const Mark = Object.freeze(TABLES.marks);
export const PASSING_MARKS = TABLES.passing_marks;
export const FULL_SHARE = TABLES.full_share;

/** The word of a number: `wireOf("Kind", 5)` is `picked_up`. Throws RangeError for a number that is none. */
export function wireOf(name, number) {
  const wire = TABLES.words[name][number];
  if (wire === undefined) throw new RangeError(`${number} is no ${name}`);
  return wire;
}

/** The number of a word in lower case. Throws RangeError for a word that is none. */
export function numberOf(name, wire) {
  const number = TABLES.words[name].indexOf(wire);
  if (number < 0) throw new RangeError(`${wire} is no ${name}`);
  return number;
}

export function isLive(state) {
  return TABLES.live.includes(wireOf("State", state));
}
