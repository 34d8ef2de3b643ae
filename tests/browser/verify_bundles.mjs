// Judges bundles as the page does, in node: lines of JSON in, lines of JSON out. Each line in is
// { text, facts, blockHash, keys } and each line out a report as Python writes it, or { refused: field }.
import { createInterface } from "node:readline";
import { InvalidInput, Unavailable } from "../../frontend_static/verify/errors.js";
import { verifyBundle } from "../../frontend_static/verify/verification.js";
import { answered, plainReport } from "./reports.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const { text, facts, blockHash, keys } = JSON.parse(line);
  let answer;
  try {
    answer = plainReport(await verifyBundle(text, { chain: answered(facts, Unavailable), blockHash, keys }));
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    answer = { refused: error.field };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
