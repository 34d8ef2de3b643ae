// Moments: RFC 3339 in UTC outside, whole seconds since 1970 on the chain.
const CANONICAL = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!000000)\d{6})?Z$/;
export const LAST_MOMENT = 253_402_300_799; // the end of the year 9999

/** True for a moment in the one form that a record has: seconds, and microseconds only where there are any. */
export function isMoment(text) {
  if (typeof text !== "string" || !CANONICAL.test(text)) return false;
  const seconds = `${text.slice(0, 19)}Z`;
  const time = Date.parse(seconds);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 19) === text.slice(0, 19);
}

/** `2026-12-01T10:24:00Z` of seconds. Throws RangeError beyond the year 9999. */
export function rfc3339(seconds) {
  if (seconds > LAST_MOMENT) throw new RangeError("there is no such year");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
