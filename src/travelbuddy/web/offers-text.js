/* Sentences about a search and its offers, for people to see and to hear. */

import { addDays, clock, day, daysBetween, fullDay, longDay, minutes } from "./format.js";
import { codeOnly, flightCodes } from "./offers-model.js";
import { t } from "./strings.js";

const place = (code) => code ?? t.offers.anyPlace;

/** "BOS → PAR, Fri 4 Dec, back Fri 11 Dec, 1 passenger, economy": the query as it was understood. */
export function queryLine(query) {
  return [
    t.offers.route(place(query.origin), place(query.destination)),
    query.departure_date && day(query.departure_date),
    query.return_date && t.offers.returning(day(query.return_date)),
    query.passengers && t.offers.passengers(query.passengers),
    query.cabin && t.offers.cabin(query.cabin).toLowerCase(),
    Number.isInteger(query.max_stops) && t.offers.stopsAtMost(query.max_stops),
    query.max_price && t.offers.priceAtMost(query.max_price),
  ]
    .filter(Boolean)
    .join(", ");
}

/** What a direction is called: of two, the way out and the way back. */
export function legName(index, n) {
  if (n <= 2) return index ? t.card.back : t.card.out;
  return t.card.leg(index + 1);
}

export const stopsText = (slice) => (slice.stops ? t.card.stops(slice.stops) : t.card.direct);

export const waitPlace = (wait) => (wait.onward ? t.card.change(wait.place ?? "–", wait.onward) : (wait.place ?? "–"));

/** "SH 12 + SH 40, SH 13": the flights of each direction. */
export const codesText = (offer) =>
  offer.slices.map((slice) => slice.flights.map((flight) => flight.code ?? "–").join(" + ")).join(", ");

/** One direction as a sentence. */
export function spokenSlice(slice, name) {
  const waits = slice.waits.map((wait) => t.card.spokenWait(waitPlace(wait), minutes(wait.minutes, { long: true })));
  return t.card.spoken({
    name,
    from: place(slice.origin),
    to: place(slice.destination),
    day: slice.departing ? longDay(slice.departing) : "",
    leaves: clock(slice.departing),
    arrives: clock(slice.arriving),
    later: slice.daysLater ? t.card.nextDay(slice.daysLater) : "",
    takes: minutes(slice.minutes, { long: true }),
    stops: [stopsText(slice).toLowerCase(), ...waits].join(", "),
  });
}

/** What the traveller asks when choosing an offer: numbers and codes only, so that no supplier's words are theirs. */
export function offerQuestion(offer) {
  const [first] = offer.slices;
  return t.card.question({
    codes: flightCodes(offer),
    from: place(codeOnly(first?.origin)),
    to: place(codeOnly(first?.destination)),
    day: first?.departing ? fullDay(first.departing) : "–",
  });
}

/** What the traveller asks for when an offer is to be held: as above, with the offer's id where it is one. */
export function holdRequest(offer) {
  const [first] = offer.slices;
  return t.card.holdRequest({
    codes: flightCodes(offer),
    from: place(codeOnly(first?.origin)),
    to: place(codeOnly(first?.destination)),
    day: first?.departing ? fullDay(first.departing) : "–",
    id: codeOnly(offer.id, /^[A-Za-z0-9_-]{1,80}$/),
  });
}

/** What the traveller asks when choosing another day: the same search, the stay as long as before. */
export function dayQuestion(query, date) {
  const moved = daysBetween(query.departure_date, date);
  const back = query.return_date && addDays(query.return_date, moved);
  return t.days.question({
    from: place(codeOnly(query.origin)),
    to: place(codeOnly(query.destination)),
    day: fullDay(date),
    back: back && fullDay(back),
    passengers: query.passengers ?? 1,
    cabin: query.cabin && t.offers.cabin(query.cabin).toLowerCase(),
    stops: Number.isInteger(query.max_stops) && t.offers.stopsAtMost(query.max_stops),
    price: query.max_price && t.offers.priceAtMost(query.max_price),
  });
}
