// Money as whole minor units of an ISO 4217 currency, as BigInt. Never a float.
import { InvalidInput } from "./errors.js";
import { TABLES } from "./tables.js";

const AMOUNT = /^[0-9]{1,15}(\.[0-9]{1,6})?$/;
const MAX_MINOR = 2n ** 53n - 1n;

/** Minor units of a decimal string. Throws InvalidInput unless it is exact, not negative and in range. */
export function toMinor(amount, currency) {
  const digits = exponent(currency);
  if (typeof amount !== "string" || !AMOUNT.test(amount)) throw new InvalidInput(`'${amount}' is no amount.`, "amount");
  const [whole, part = ""] = amount.split(".");
  if (/[1-9]/.test(part.slice(digits)))
    throw new InvalidInput(`${amount} has more decimals than ${currency} has.`, "amount");
  const minor = BigInt(whole + part.slice(0, digits).padEnd(digits, "0"));
  if (minor > MAX_MINOR) throw new InvalidInput(`${amount} ${currency} is more than can be held.`, "amount");
  return minor;
}

/** The decimal string of minor units, with all of the currency's digits. */
export function toDecimal(minor, currency) {
  const digits = exponent(currency);
  const text = String(minor).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

function exponent(currency) {
  if (typeof currency !== "string" || !Object.hasOwn(TABLES.currencies, currency)) {
    throw new InvalidInput(`'${currency}' is no ISO 4217 currency.`, "currency");
  }
  return TABLES.currencies[currency];
}
