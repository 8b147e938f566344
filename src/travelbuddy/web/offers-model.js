/* What the cards show of a search result: read once, with whatever is missing or odd left out. Plain data, no DOM. */

import { compareDecimals, isDecimal } from "./decimal.js";
import { daysLater, minutesOf, moment } from "./format.js";

export const MOST_COMPARED = 3;
export const SORTS = ["price", "duration", "departure", "arrival"];

const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === "string" && value.trim() ? value.trim() : null);
const unique = (values) => [...new Set(values.filter(Boolean))];
const latest = Number.MAX_SAFE_INTEGER;

/** The result with its offers as `offersOf` gives them, and the length of the longest direction among them. */
export function readResult(result) {
  const offers = list(result?.offers)
    .filter((one) => one && typeof one === "object")
    .map(readOffer);
  return {
    query: result?.query ?? {},
    sample: result?.source === "sample",
    notes: list(result?.notes).map(text).filter(Boolean),
    earlier: list(result?.earlier),
    offers,
    longest: Math.max(0, ...offers.flatMap((offer) => offer.slices.map((slice) => slice.minutes ?? 0))),
    ...bestOf(offers),
  };
}

function readOffer(offer, index) {
  const slices = list(offer.slices).map(readSlice);
  const minutes = slices.length && slices.every((slice) => slice.minutes !== null);
  return {
    key: `${index}`,
    id: text(offer.id),
    amount: text(offer.total_amount),
    currency: text(offer.total_currency),
    carriers: unique([
      text(offer.owner?.name) ?? text(offer.owner?.iata_code),
      ...slices.flatMap((slice) => slice.carriers),
    ]),
    cabin: text(offer.cabin),
    slices,
    minutes: minutes ? slices.reduce((sum, slice) => sum + slice.minutes, 0) : null,
    departs: moment(slices[0]?.departing)?.at ?? null,
    arrives: moment(slices[0]?.arriving)?.at ?? null,
  };
}

function readSlice(slice) {
  const flights = list(slice?.segments).map(readFlight);
  const [first, last] = [flights[0], flights.at(-1)];
  const waits = flights.slice(1).map((flight, i) => waitBetween(flights[i], flight));
  return {
    origin: text(slice?.origin) ?? first?.from ?? null,
    destination: text(slice?.destination) ?? last?.to ?? null,
    departing: first?.departing ?? null,
    arriving: last?.arriving ?? null,
    daysLater: daysLater(first?.departing, last?.arriving),
    minutes: minutesOf(slice?.duration) ?? minutesBetween(first?.departing, last?.arriving),
    stops: Number.isInteger(slice?.stops) ? slice.stops : Math.max(0, flights.length - 1),
    flights,
    waits,
    carriers: unique(flights.map((flight) => flight.carrier)),
  };
}

function readFlight(segment) {
  const code = text(segment?.marketing_carrier?.iata_code);
  const number = text(segment?.flight_number);
  return {
    from: text(segment?.origin),
    to: text(segment?.destination),
    departing: text(segment?.departing_at),
    arriving: text(segment?.arriving_at),
    minutes: minutesOf(segment?.duration) ?? minutesBetween(segment?.departing_at, segment?.arriving_at),
    carrier: text(segment?.marketing_carrier?.name) ?? code,
    code: number?.startsWith(code) ? number : unique([code, number]).join(" ") || null,
  };
}

/** The time on the ground between two flights; `onward` is another airport when one has to change there. */
function waitBetween(flight, next) {
  return {
    place: flight.to ?? next.from,
    onward: flight.to && next.from && flight.to !== next.from ? next.from : null,
    minutes: minutesBetween(flight.arriving, next.departing),
  };
}

function minutesBetween(from, to) {
  const [start, end] = [moment(from), moment(to)];
  return start && end && end.at >= start.at ? Math.round((end.at - start.at) / 60_000) : null;
}

/** Flights and waits of a direction in order, each with its share of it (0 to 1); none when a length is unknown. */
export function partsOf(slice) {
  const parts = slice.flights.flatMap((flight, i) => [
    ...(i ? [{ kind: "wait", minutes: slice.waits[i - 1].minutes }] : []),
    { kind: "flight", minutes: flight.minutes },
  ]);
  const total = parts.reduce((sum, part) => sum + (part.minutes ?? NaN), 0);
  return total > 0 ? parts.map((part) => ({ ...part, share: part.minutes / total })) : [];
}

/** The keys of the cheapest and of the fastest offer; null when there is but one, or no telling. */
function bestOf(offers) {
  const oneCurrency = unique(offers.map((offer) => offer.currency)).length === 1;
  const priced = offers.filter((offer) => isDecimal(offer.amount));
  const timed = offers.filter((offer) => offer.minutes !== null);
  const several = offers.length > 1;
  return {
    oneCurrency,
    cheapest: several && oneCurrency && priced.length ? sorted(priced, "price")[0].key : null,
    fastest: several && timed.length ? sorted(timed, "duration")[0].key : null,
  };
}

const byPrice = (a, b) =>
  Number(!isDecimal(a.amount)) - Number(!isDecimal(b.amount)) ||
  (a.currency ?? "").localeCompare(b.currency ?? "") ||
  compareDecimals(a.amount, b.amount);
const byNumber = (name) => (a, b) => (a[name] ?? latest) - (b[name] ?? latest);
const ORDERS = {
  price: byPrice,
  duration: byNumber("minutes"),
  departure: byNumber("departs"),
  arrival: byNumber("arrives"),
};

/** The offers in this order, by price where that leaves them even; what is not known comes last. */
export function sorted(offers, by) {
  return [...offers].sort((a, b) => ORDERS[by](a, b) || byPrice(a, b) || a.key - b.key);
}

/** Only what is surely a code goes into a sentence of the traveller's own: a supplier's words never do. */
export const codeOnly = (value, pattern = /^[A-Z]{3}$/) => (pattern.test(value ?? "") ? value : null);
export const flightCodes = (offer) =>
  offer.slices
    .flatMap((slice) => slice.flights.map((flight) => codeOnly(flight.code, /^[A-Z0-9]{2,3} ?\d{1,4}[A-Z]?$/)))
    .filter(Boolean);
