// Policies: the windows and rules of a case, fixed in its terms by hash.
import { concatHex, keccak, word } from "./bytes.js";
import { canonicalBytes } from "./canonical.js";
import { FULL_SHARE, Freight, Grade, State, isLive, numberOf } from "./vocabulary.js";

const FEE_CAP = 96n; // where they stand in the word of rules
const FREIGHT = 112n;
const NOTICE = 120n;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const WINDOW = /^([1-9][0-9]{0,4})([dh])$/;
const DATE = /^\d{4}(-\d\d-\d\d|\d{4}|-W\d\d(-\d)?|W\d\d\d?)$/;

/** A policy of its document. Throws an error for whatever is none. Windows and notice are seconds. */
export function parsePolicy(document) {
  const windows = byNumber("State", document.windows, readSeconds);
  const minShare = byNumber("Grade", document.grades, (rule) => readPoints(rule.min_share));
  const isComplete =
    windows.size === Object.values(State).filter(isLive).length &&
    [...windows.keys()].every(isLive) &&
    minShare.size === Object.keys(Grade).length - 1 &&
    !minShare.has(Grade.NONE) &&
    Object.values(document.grades).every(({ meaning }) => typeof meaning === "string" && meaning) &&
    minShare.get(Grade.DEFECTIVE) === FULL_SHARE &&
    Number.isSafeInteger(document.version) &&
    document.version >= 1 &&
    DATE.test(document.effective) &&
    Object.hasOwn(document, "title");
  if (!isComplete) throw new RangeError("this is no policy");
  return {
    code: document.policy,
    version: document.version,
    windows,
    notice: readSeconds(document.notice),
    minShare,
    feeCap: readPoints(document.fee_cap),
    freight: numberOf("Freight", document.freight),
    document,
  };
}

/** The policy's name on the chain: keccak-256 of its three words. */
export function policyId({ windows, minShare, feeCap, freight, notice, document }) {
  const hours = pack([...windows].map(([state, seconds]) => [seconds / HOUR, 16n * BigInt(state)]));
  const shares = pack([...minShare].map(([grade, share]) => [share, 16n * BigInt(grade)]));
  const rest = pack([
    [feeCap, FEE_CAP],
    [freight, FREIGHT],
    [notice / HOUR, NOTICE],
  ]);
  return keccak(concatHex(word(hours), word(shares | rest), keccak(canonicalBytes(document))));
}

export const suppliesFreight = (policy) => policy.freight === Freight.SUPPLIED;
export const reimbursesFreight = (policy) => policy.freight === Freight.REIMBURSED;

/** Values in one word, each at its lowest bit. */
function pack(fields) {
  return fields.reduce((sum, [value, bit]) => sum + (BigInt(value) << bit), 0n);
}

function byNumber(list, object, read) {
  return new Map(Object.entries(object).map(([wire, value]) => [numberOf(list, wire), read(value)]));
}

function readSeconds(text) {
  const [, count, unit] = WINDOW.exec(text);
  const seconds = Number(count) * (unit === "d" ? DAY : HOUR);
  if (typeof text !== "string" || seconds < HOUR || seconds > 180 * DAY) throw new RangeError(`${text} is no window`);
  return seconds;
}

function readPoints(value) {
  if (!Number.isSafeInteger(value) || value < 0 || value > FULL_SHARE) throw new RangeError(`${value} is no share`);
  return value;
}
