/* A tool's call in words: what was asked for, and what came of it. */

import { compareDecimals, isDecimal } from "./decimal.js";
import { money } from "./format.js";
import { t } from "./strings.js";

const LONGEST = 160;

const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
const readable = (value) => cut(typeof value === "string" ? value : JSON.stringify(value));

/** The arguments as `[name, value]` texts; what a model wrote that is no JSON object is told as it is. */
export function argumentsOf(call) {
  const given = parsed(call.arguments);
  if (given === null || typeof given !== "object" || Array.isArray(given)) return given ? [["", readable(given)]] : [];
  return Object.entries(given).map(([name, value]) => [cut(name.replaceAll("_", " ")), readable(value)]);
}

/** What came of it in a few words; null when there is nothing short to say. */
export function resultText(result) {
  if (result === null || result === undefined) return null;
  if (typeof result !== "object") return cut(String(result));
  if (result.error) return t.timeline.toolError(readable(result.error.message ?? result.error));
  if (Array.isArray(result.offers)) return t.timeline.found(result.offers.length, cheapest(result.offers));
  if (result.remembered)
    return Object.entries(result.remembered)
      .map(([key, value]) => t.timeline.remembered(key.replaceAll("_", " "), readable(value)))
      .join(", ");
  if (typeof result.forgotten === "string") return cut(result.forgotten.replaceAll("_", " "));
  return null;
}

function cheapest(offers) {
  const priced = offers.filter((offer) => isDecimal(offer?.total_amount));
  if (!priced.length || new Set(priced.map((offer) => offer.total_currency)).size > 1) return null;
  const { total_amount: amount, total_currency: currency } = priced.sort((a, b) =>
    compareDecimals(a.total_amount, b.total_amount),
  )[0];
  return money(amount, currency);
}

/** Everything as JSON, for who wants to see it. */
export const rawJson = (call) =>
  JSON.stringify({ arguments: parsed(call.arguments), result: call.result ?? null }, null, 2);

function parsed(value) {
  if (typeof value !== "string") return value ?? null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
