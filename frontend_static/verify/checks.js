// The outcome of a verification: numbered checks, the rows of a timeline, one verdict.
import { TABLES } from "./tables.js";

const WORST_FIRST = ["fail", "pending", "skipped", "pass"];
const SHOWN = 3; // of the rows that a summary names

/** `detail` is one or two plain sentences. */
export function check(number, result, detail) {
  return { number, name: TABLES.checks[number], result, detail };
}

export function rowReport({ recordId, position, kind, stage, checks }) {
  return { recordId, position, kind, stage, checks, result: worst(checks.map(({ result }) => result)) };
}

/** A whole report; `trust` says what is left to trust of it. It has failed if any check fails, else it is pending if any
 * is, else verified. */
export function reportOf({ caseId, chain, checks, rows, trust }) {
  const results = [...checks, ...rows].map(({ result }) => result);
  const verdict = results.includes("fail") ? "failed" : results.includes("pending") ? "pending" : "verified";
  const skipped = checks.filter(({ result }) => result === "skipped").map(({ number }) => number);
  return { verdict, caseId, chain, checks, rows, trust, skipped };
}

/** Fail before pending before skipped before pass. */
export function worst(outcomes) {
  return WORST_FIRST.find((outcome) => outcomes.includes(outcome)) ?? "pass";
}

/** The case's check of rows' checks: the worst of them, naming the rows it comes from. */
export function summarise(number, rows, whenAllPass) {
  const judged = rows.flatMap((row) =>
    row.checks.filter((each) => each.number === number).map((each) => ({ row, each })),
  );
  const result = worst(judged.map(({ each }) => each.result));
  if (result === "pass") return check(number, "pass", whenAllPass);
  const concerned = judged
    .filter(({ each }) => each.result === result)
    .map(({ row, each }) => `${labelOf(row)}: ${each.detail}`);
  if (result !== "fail" && concerned.length > 1) {
    return check(number, result, `${concerned.length} of ${judged.length} records, the first being ${concerned[0]}`);
  }
  const more = concerned.length > SHOWN ? ` And ${concerned.length - SHOWN} more.` : "";
  return check(number, result, concerned.slice(0, SHOWN).map(capital).join(" ") + more);
}

function labelOf({ recordId, kind, position }) {
  const named = recordId === null ? "the contract's own record" : `record ${recordId}`;
  return `${named} (${kind}${position === null ? "" : ` at position ${position}`})`;
}

function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
