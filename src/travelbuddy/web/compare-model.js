/* Two or three offers as rows that say the same thing of each, in two groups: what differs, and what does not. */

import { compareDecimals, subtractDecimals } from "./decimal.js";
import { clock, day, dayShift, minutes, money } from "./format.js";
import { legName, stopsText, waitPlace } from "./offers-text.js";
import { t } from "./strings.js";

/** `{differs, same}`, each a list of `{name, cells: [{text, note, best}]}`. */
export function comparison(offers) {
  const rows = [priceRow(offers), durationRow(offers), ...legRows(offers), carrierRow(offers), cabinRow(offers)];
  const differs = (row) => new Set(row.cells.map((cell) => cell.text)).size > 1;
  return { differs: rows.filter(differs), same: rows.filter((row) => !differs(row)) };
}

function priceRow(offers) {
  const oneCurrency = new Set(offers.map((offer) => offer.currency)).size === 1;
  const least = offers.map((offer) => offer.amount).sort(compareDecimals)[0];
  const cells = offers.map(({ amount, currency }) => {
    const text = amount ? money(amount, currency) : t.card.priceUnknown;
    if (!oneCurrency || !amount) return { text };
    const more = subtractDecimals(amount, least);
    const best = compareDecimals(amount, least) === 0;
    return { text, best, note: best ? t.compare.lowest : more && t.compare.more(money(more, currency)) };
  });
  return { name: t.compare.rows.price, cells };
}

function durationRow(offers) {
  const least = Math.min(...offers.map((offer) => offer.minutes ?? Infinity));
  const cells = offers.map(({ minutes: length }) => {
    const best = length === least;
    const note = best ? t.compare.shortest : length !== null && t.compare.more(minutes(length - least));
    return { text: minutes(length), best, note };
  });
  return { name: t.compare.rows.duration, cells };
}

/** For each direction: when it leaves, when it arrives, how long it takes with which stops. */
function legRows(offers) {
  const legs = Math.max(...offers.map((offer) => offer.slices.length));
  return [...Array(legs).keys()].flatMap((i) => {
    const row = (what, text) => ({
      name: legs > 1 ? t.compare.row(legName(i, legs), what.toLowerCase()) : what,
      cells: offers.map((offer) => ({ text: offer.slices[i] ? text(offer.slices[i]) : "–" })),
    });
    return [
      row(t.compare.leaves, (slice) =>
        [`${clock(slice.departing)} ${slice.origin ?? ""}`, slice.departing && day(slice.departing)]
          .filter(Boolean)
          .join(", "),
      ),
      row(t.compare.arrives, (slice) =>
        `${clock(slice.arriving)} ${dayShift(slice.daysLater)} ${slice.destination ?? ""}`.replace(/ +/g, " "),
      ),
      legs > 1 && row(t.compare.takes, (slice) => minutes(slice.minutes)),
      row(t.compare.rows.stops, (slice) =>
        [stopsText(slice), ...slice.waits.map((wait) => `${waitPlace(wait)} ${minutes(wait.minutes)}`)].join(", "),
      ),
    ].filter(Boolean);
  });
}

const carrierRow = (offers) => ({
  name: t.compare.rows.carriers,
  cells: offers.map((offer) => ({
    text: offer.carriers.join(", ") || t.card.unknownCarrier,
  })),
});

const cabinRow = (offers) => ({
  name: t.compare.rows.cabin,
  cells: offers.map((offer) => ({ text: offer.cabin ? t.offers.cabin(offer.cabin) : "–" })),
});
