/* One offer as a card. What is drawn is hidden from listeners, who get the same as a heading and sentences. */

import { h } from "../dom.js";
import { clock, day, dayShift, daysLater, minutes, money } from "../format.js";
import { partsOf } from "../offers-model.js";
import { holdRequest, legName, offerQuestion, spokenSlice, stopsText, waitPlace } from "../offers-text.js";
import { t } from "../strings.js";

let made = 0;

/** The card of `offer`; `onpick(picked)` when it is chosen for comparison, `onask(text)` when it is asked about. */
export function offerCard(offer, { read, number, onpick, onask, holds = false }) {
  const id = `tb-offer-${++made}`;
  const carrier = offer.carriers.join(", ") || t.card.unknownCarrier;
  const price = offer.amount ? money(offer.amount, offer.currency) : t.card.priceUnknown;
  const badges = [offer.key === read.cheapest && t.card.cheapest, offer.key === read.fastest && t.card.fastest].filter(
    Boolean,
  );
  const name = t.card.name(number, carrier, price);
  const extras = [
    offer.cabin && t.offers.cabin(offer.cabin),
    read.query.passengers > 1 && t.card.forAll(read.query.passengers),
  ];
  const panel = h("div", { class: "offer-flights", id: `${id}-flights`, hidden: true });
  return h(
    "article",
    { class: "offer", "aria-labelledby": id },
    h("h4", { class: "visually-hidden", id }, [name, ...badges, ...extras].filter(Boolean).join(", ")),
    h(
      "div",
      { class: "offer-top", "aria-hidden": "true" },
      h(
        "span",
        { class: "offer-who" },
        h("span", { class: "offer-carrier" }, carrier),
        badges.map((badge) => h("span", { class: "badge offer-best" }, badge)),
      ),
      h("span", { class: "offer-price" }, price, h("small", null, extras.filter(Boolean).join(" · "))),
    ),
    offer.slices.map((slice, i) => leg(slice, nameOfLeg(offer, i), read.longest)),
    h(
      "div",
      { class: "offer-foot" },
      h(
        "label",
        { class: "offer-pick" },
        h("input", {
          type: "checkbox",
          "aria-label": t.card.compareThis(name),
          onchange: (event) => onpick(event.target.checked),
        }),
        h("span", null, t.card.compare),
      ),
      unfolding(panel, offer, name),
      h(
        "button",
        {
          class: "btn btn-ghost",
          type: "button",
          "aria-label": t.card.askThis(name),
          onclick: () => onask(offerQuestion(offer)),
        },
        t.card.ask,
      ),
      holds &&
        h(
          "button",
          {
            class: "btn btn-ghost",
            type: "button",
            "aria-label": t.card.holdThis(name),
            onclick: () => onask(holdRequest(offer)),
          },
          t.card.hold,
        ),
    ),
    panel,
  );
}

/** "Out", "Back"; null where there is but one direction. */
const nameOfLeg = ({ slices }, i) => (slices.length > 1 ? legName(i, slices.length) : null);
const routeText = (slice) => `${slice.origin ?? "–"} – ${slice.destination ?? "–"}`;

/** A direction: its times, a bar as long as it takes beside the longest, and where it waits. */
function leg(slice, name, longest) {
  const waits = slice.waits.map((wait) => t.card.wait(waitPlace(wait), minutes(wait.minutes)));
  return [
    h("p", { class: "visually-hidden" }, spokenSlice(slice, name ?? t.card.out)),
    h(
      "div",
      { class: "leg", "aria-hidden": "true" },
      h(
        "div",
        { class: "leg-times" },
        h(
          "span",
          { class: "leg-clock" },
          clock(slice.departing),
          " – ",
          clock(slice.arriving),
          slice.daysLater !== 0 && h("sup", { class: "leg-shift" }, dayShift(slice.daysLater)),
        ),
        h(
          "span",
          { class: "muted" },
          [name, routeText(slice), name && slice.departing && day(slice.departing)].filter(Boolean).join(" · "),
        ),
      ),
      bar(slice, longest),
      h(
        "div",
        { class: "leg-length" },
        h("span", { class: "leg-minutes" }, minutes(slice.minutes)),
        h("span", { class: "muted" }, stopsText(slice), waits.length > 0 && ` · ${waits.join(" · ")}`),
      ),
    ),
  ];
}

function bar(slice, longest) {
  const parts = partsOf(slice).map((part) => {
    const node = h("span", { class: `bar-part bar-${part.kind}` });
    node.style.setProperty("--share", part.share);
    return node;
  });
  const line = h("div", { class: "bar" }, parts.length ? parts : h("span", { class: "bar-part bar-unknown" }));
  line.style.setProperty("--length", longest && slice.minutes ? slice.minutes / longest : 1);
  return h("div", { class: "leg-bar" }, line);
}

function unfolding(panel, offer, name) {
  const button = h(
    "button",
    {
      class: "btn btn-ghost offer-more",
      type: "button",
      "aria-expanded": "false",
      "aria-controls": panel.id,
      "aria-label": `${t.card.details}, ${name}`,
      onclick: () => {
        if (!panel.childNodes.length)
          panel.append(...offer.slices.map((slice, i) => flights(slice, nameOfLeg(offer, i))));
        panel.hidden = !panel.hidden;
        button.setAttribute("aria-expanded", String(!panel.hidden));
      },
    },
    t.card.details,
  );
  return button;
}

/** Every flight of a direction and the waits between them, as a list. */
function flights(slice, name) {
  const rows = slice.flights.flatMap((flight, i) => [
    i > 0 && waitRow(slice.waits[i - 1]),
    flightRow(flight, slice.departing),
  ]);
  return h(
    "section",
    null,
    h("h5", null, [name, routeText(slice), slice.departing && day(slice.departing)].filter(Boolean).join(" · ")),
    h("ol", { class: "flight-list", role: "list" }, rows),
  );
}

/** One flight; the days of its times are counted from the departure of the whole direction. */
function flightRow(flight, began) {
  const end = (text, place) => {
    const later = daysLater(began, text);
    return h(
      "span",
      { class: "flight-end" },
      h("b", null, clock(text)),
      later !== 0 && h("sup", { class: "leg-shift" }, dayShift(later)),
      " ",
      place ?? "–",
    );
  };
  return h(
    "li",
    { class: "flight" },
    h("span", { class: "flight-ends" }, end(flight.departing, flight.from), " – ", end(flight.arriving, flight.to)),
    h("span", { class: "muted" }, t.card.flight(flight.code, flight.carrier), " · ", minutes(flight.minutes)),
  );
}

function waitRow(wait) {
  const [time, place] = [minutes(wait.minutes), wait.place ?? "–"];
  return h(
    "li",
    { class: "flight-wait muted" },
    wait.onward ? t.card.changing(time, place, wait.onward) : t.card.waiting(time, place),
  );
}
