// The page's language: its words, and how it writes money, dates and numbers.
import ar from "../i18n/ar.js";
import de from "../i18n/de.js";
import en from "../i18n/en.js";
import zh from "../i18n/zh.js";

const TABLES = { en, zh, de, ar };
const DEFAULT_LOCALES = { en: "en-GB", zh: "zh-CN", de: "de-DE", ar: "ar" };
const CALENDAR = "gregory"; // that of the mails and documents; some locales have another of their own
const [ISOLATE, END] = ["\u2068", "\u2069"]; // FSI and PDI of UAX #9
const RTL_FIRST = /^\P{L}*[\p{Script=Arabic}\p{Script=Hebrew}]/u;

export const LANGUAGES = [
  { code: "en", tag: "en", name: "English" },
  { code: "zh", tag: "zh-Hans", name: "简体中文" },
  { code: "de", tag: "de", name: "Deutsch" },
  { code: "ar", tag: "ar", name: "العربية", dir: "rtl" },
];

/** The language a person asked for: `?lang=`, then the browser's wishes in their order, then English. */
export function chooseLanguage(search, wishes) {
  const asked = new URLSearchParams(search).get("lang");
  const codes = [asked, ...wishes].map((wish) => (wish ?? "").toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(TABLES, code)) ?? "en";
}

/** Words and formats of one language. `wishes` lets a Swiss or American reader keep their own formats. */
export function translator(code, wishes) {
  const locale = wishes.find((wish) => wish.toLowerCase().startsWith(code) && wish.includes("-"));
  return new Translator(code, locale ?? DEFAULT_LOCALES[code]);
}

class Translator {
  constructor(code, locale) {
    this.code = code;
    const { tag, dir = "ltr" } = LANGUAGES.find((language) => language.code === code);
    Object.assign(this, { tag, dir });
    this.table = TABLES[code];
    this.locale = locale;
    this.dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", calendar: CALENDAR });
    this.longDateTime = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short", calendar: CALENDAR });
    this.clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    this.relative = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  }

  has(key) {
    return key in this.table;
  }

  /**
   * The text of a key, its `{placeholders}` filled. An unknown key shows itself, which tests look for. In a sentence
   * that runs from right to left a name or a number keeps its own direction.
   */
  text(key, values = {}) {
    const template = this.table[key] ?? key;
    return template.replace(/\{(\w+)\}/g, (whole, name) => this.isolated(values[name]) ?? whole);
  }

  /** What begins in the sentence's own direction needs no mark, and with one would hide it from what is around. */
  isolated(value) {
    const isOwn = this.dir === "ltr" || (value ?? "") === "" || RTL_FIRST.test(value);
    return isOwn ? value : `${ISOLATE}${value}${END}`;
  }

  /** As `text`, but values may be virtual nodes: returns a list of strings and nodes. */
  rich(key, values) {
    const parts = (this.table[key] ?? key).split(/\{(\w+)\}/);
    return parts.map((part, index) => (index % 2 ? values[part] : part));
  }

  /** A decimal string as money. The digits the service sent are kept: Intl and ISO 4217 differ for some currencies. */
  money(amount, currency) {
    const digits = (amount.split(".")[1] ?? "").length;
    const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
    const parts = new Intl.NumberFormat(this.locale, options).formatToParts(amount);
    return parts.map(({ type, value }) => (type === "currency" ? this.isolated(value) : value)).join("");
  }

  number(value) {
    return new Intl.NumberFormat(this.locale).format(value);
  }

  /** Basis points as a percentage. */
  percent(basisPoints) {
    return new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: 2 }).format(basisPoints / 1e4);
  }

  /** "in 12 days", "3 hours ago": the distance from `now` to `date` in its largest whole unit. */
  distance(date, now) {
    const seconds = (date - now) / 1000;
    const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
    const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
    return this.relative.format(Math.trunc(seconds / length), unit);
  }
}

/** A moment in UTC for a title, such as `2026-12-01 10:24 UTC`. */
export function utc(date) {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
