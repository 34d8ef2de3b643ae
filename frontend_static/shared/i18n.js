// The page's language: its words, and how it writes money, dates and numbers.
import de from "../i18n/de.js";
import en from "../i18n/en.js";
import zh from "../i18n/zh.js";

const TABLES = { en, zh, de };
const DEFAULT_LOCALES = { en: "en-GB", zh: "zh-CN", de: "de-DE" };

export const LANGUAGES = [
  { code: "en", tag: "en", name: "English" },
  { code: "zh", tag: "zh-Hans", name: "简体中文" },
  { code: "de", tag: "de", name: "Deutsch" },
];

/** The language a person asked for: `?lang=`, then the browser's wishes in their order, then English. */
export function chooseLanguage(search, wishes) {
  const asked = new URLSearchParams(search).get("lang");
  const codes = [asked, ...wishes].map((wish) => (wish ?? "").toLowerCase().split("-")[0]);
  return codes.find((code) => code in TABLES) ?? "en";
}

/** Words and formats of one language. `wishes` lets a Swiss or American reader keep their own formats. */
export function translator(code, wishes) {
  const locale = wishes.find((wish) => wish.toLowerCase().startsWith(code) && wish.includes("-"));
  return new Translator(code, locale ?? DEFAULT_LOCALES[code]);
}

class Translator {
  constructor(code, locale) {
    this.code = code;
    this.tag = LANGUAGES.find((language) => language.code === code).tag;
    this.table = TABLES[code];
    this.locale = locale;
    this.dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
    this.longDateTime = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
    this.clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    this.relative = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  }

  has(key) {
    return key in this.table;
  }

  /** The text of a key, its `{placeholders}` filled. An unknown key shows itself, which tests look for. */
  text(key, values = {}) {
    const template = this.table[key] ?? key;
    return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
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
    return new Intl.NumberFormat(this.locale, options).format(amount);
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
