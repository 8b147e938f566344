/* Money, dates, times and durations as people read them: by Intl, in the reader's variety of the page's language. */

import { isDecimal } from "./decimal.js";

const LANGUAGE = document.documentElement.lang || "en";

/** The texts are in the page's language, so their dates and numbers are too: in the reader's variety of it, if any. */
export const locale =
  (navigator.languages ?? []).find((one) => one.toLowerCase().startsWith(LANGUAGE.toLowerCase())) ??
  (LANGUAGE === "en" ? "en-GB" : LANGUAGE);

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$/;
const DAY_MS = 86_400_000;

const made = new Map();

/** The Intl formatter for these options, made once. */
function formatter(Kind, options) {
  const key = Kind.name + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Kind(locale, options));
  return made.get(key);
}

const dates = (options) => formatter(Intl.DateTimeFormat, { timeZone: "UTC", ...options });
const numbers = (options) => formatter(Intl.NumberFormat, options);

/** The number as it is written. */
export const number = (value) => numbers({}).format(value);

/**
 * An amount (a decimal string: it stays exact) in its currency. An unknown currency or amount is shown as it is.
 * The digits after the point are the currency's own; `long` spells the currency for listeners.
 */
export function money(amount, currency, { long = false } = {}) {
  if (amount === null || amount === undefined || amount === "") return "–";
  try {
    const style = { style: "currency", currency, ...(long && { currencyDisplay: "name" }) };
    const text = numbers(style).format(String(amount));
    if (!text.includes("NaN")) return text;
  } catch {
    // not a currency code; told as it came
  }
  return [amount, currency].filter(Boolean).join(" ");
}

/** An amount without its currency and in whole units, for narrow places; from 100,000 on as "148K". */
export function shortAmount(amount) {
  const text = String(amount ?? "");
  if (!isDecimal(text)) return "–";
  const compact = text.split(".")[0].length > 5;
  return numbers(compact ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: 0 }).format(
    text,
  );
}

/**
 * A time with its UTC offset as `{at, wall}`: the instant in ms, and the place's own clock as if it were UTC, so that
 * it is shown as it is there, wherever the reader is. Null for anything else.
 */
export function moment(text) {
  const match = INSTANT.exec(String(text ?? ""));
  const at = match ? Date.parse(match[0]) : NaN;
  if (Number.isNaN(at)) return null;
  const [, year, month, day, hour, minute, second] = match;
  return { at, wall: Date.UTC(+year, +month - 1, +day, +hour, +minute, +(second ?? 0)) };
}

const twelveHours = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hour12;
const HOUR = twelveHours ? "numeric" : "2-digit";

/** "07:45" or "7:45 am", the place's own clock. */
export function clock(text) {
  const when = moment(text);
  return when ? dates({ hour: HOUR, minute: "2-digit" }).format(when.wall) : "–";
}

/** How many calendar days later `to` is than `from`, each by the clock of its place; 0 when either is unknown. */
export function daysLater(from, to) {
  const [start, end] = [moment(from), moment(to)];
  return start && end ? Math.floor(end.wall / DAY_MS) - Math.floor(start.wall / DAY_MS) : 0;
}

/** "+1", "−1" (over the date line eastwards), or "" on the same day. */
export const dayShift = (days) => (days ? numbers({ signDisplay: "always" }).format(days).replace("-", "−") : "");

function dayOf(text) {
  if (moment(text)) return moment(text).wall;
  const match = DAY.exec(String(text ?? ""));
  const at = match ? Date.UTC(+match[1], +match[2] - 1, +match[3]) : NaN;
  return Number.isNaN(at) ? null : at;
}

const dayText = (options) => (text) => {
  const at = dayOf(text);
  return at === null ? String(text ?? "–") : dates(options).format(at).replace(",", "");
};

/** "Fri 4 Dec", of a date or a time with offset. */
export const day = dayText({ weekday: "short", day: "numeric", month: "short" });
/** "Friday 4 December". */
export const longDay = dayText({ weekday: "long", day: "numeric", month: "long" });
/** "4 December 2026". */
export const fullDay = dayText({ day: "numeric", month: "long", year: "numeric" });
/** "Fri". */
export const weekday = dayText({ weekday: "short" });
/** "4 Dec". */
export const shortDay = dayText({ day: "numeric", month: "short" });

/** The ISO date so many days later. */
export function addDays(text, days) {
  const at = dayOf(text);
  return at === null ? null : new Date(at + days * DAY_MS).toISOString().slice(0, 10);
}

/** Whole days from one ISO date to another; null when either is none. */
export function daysBetween(from, to) {
  const [start, end] = [dayOf(from), dayOf(to)];
  return start === null || end === null ? null : Math.round((end - start) / DAY_MS);
}

/** An ISO 8601 duration in minutes; null for anything else. */
export function minutesOf(text) {
  const match = DURATION.exec(String(text ?? ""));
  if (!match || !match.slice(1).some(Boolean)) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return days * 1440 + hours * 60 + minutes + Math.round(seconds / 60);
}

const unit = (value, name, unitDisplay) => numbers({ style: "unit", unit: name, unitDisplay }).format(value);

/** "9h 15m"; with `long` "9 hours 15 minutes". */
export function minutes(value, { long = false } = {}) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const [hours, rest] = [Math.floor(value / 60), Math.round(value % 60)];
  const display = long ? "long" : "narrow";
  const parts = [hours ? unit(hours, "hour", display) : "", rest || !hours ? unit(rest, "minute", display) : ""];
  return parts.filter(Boolean).join(" ");
}

/** Milliseconds as "80ms", "4.2s" or "2m 5s". */
export function elapsed(ms) {
  if (ms < 995) return unit(Math.max(0, Math.round(ms)), "millisecond", "narrow");
  if (ms < 59_950) return unit(Math.round(ms / 100) / 10, "second", "narrow");
  const [whole, rest] = [Math.floor(ms / 60_000), Math.floor((ms % 60_000) / 1000)];
  return [unit(whole, "minute", "narrow"), rest ? unit(rest, "second", "narrow") : ""].filter(Boolean).join(" ");
}

/** Milliseconds of something that goes on, in whole seconds: "0s", "12s", "2m 5s". */
export const wholeSeconds = (ms) =>
  ms < 60_000 ? unit(Math.max(0, Math.floor(ms / 1000)), "second", "narrow") : elapsed(ms);

/** An instant (ms) by the reader's own clock, to the second. */
export const readerClock = (at) =>
  formatter(Intl.DateTimeFormat, { hour: HOUR, minute: "2-digit", second: "2-digit" }).format(at);

/** "14 March, 12:00": a moment by the reader's own clock. */
export function readerMoment(text) {
  const when = moment(text);
  const shown = formatter(Intl.DateTimeFormat, { day: "numeric", month: "long", hour: HOUR, minute: "2-digit" });
  return when ? shown.format(when.at) : String(text ?? "–");
}
