/* <tb-days>: the cheapest fare of each day around the departure. Properties: query, api ({days(query)} or null).
   It asks when it comes into sight, and goes away when there is no telling. Another day is asked for in words. */

import { compareDecimals, isDecimal } from "../decimal.js";
import { emit, fill, h } from "../dom.js";
import { day, money, shortAmount, shortDay, weekday } from "../format.js";
import { codeOnly } from "../offers-model.js";
import { dayQuestion } from "../offers-text.js";
import { t } from "../strings.js";

const AROUND = 3;
const KEYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

class Days extends HTMLElement {
  #query = null;
  #api = null;
  #asked = null;
  #sight = null;

  set query(query) {
    this.#query = query;
    this.#watch();
  }

  set api(api) {
    this.#api = api;
    this.#watch();
  }

  connectedCallback() {
    this.#watch();
  }

  disconnectedCallback() {
    this.#sight?.disconnect();
  }

  #watch() {
    this.#sight?.disconnect();
    this.hidden = !(this.#query && this.#api);
    if (this.hidden || !this.isConnected || this.#asked === this.#query) return;
    fill(this, waiting());
    this.#sight = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#ask());
    this.#sight.observe(this);
  }

  async #ask() {
    this.#sight.disconnect();
    const query = (this.#asked = this.#query);
    let answer = null;
    try {
      answer = await this.#api.days(query);
    } catch {
      // this provider cannot tell, or not now; the offers stand without it
    }
    if (query !== this.#query) return;
    const days = (answer?.days ?? []).filter((one) => /^\d{4}-\d\d-\d\d$/.test(one?.date));
    this.hidden = !days.some((one) => one.price !== null);
    fill(this, this.hidden ? null : this.#strip(days, answer.currency));
  }

  #strip(days, currency) {
    const prices = days
      .map((one) => one.price)
      .filter(isDecimal)
      .sort(compareDecimals);
    const range = { least: prices[0], most: prices.at(-1) };
    const buttons = days.map((one) => this.#day(one, currency, range));
    const chosen = buttons.find((button) => button.getAttribute("aria-current")) ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
    return [
      h("h4", { class: "days-title muted" }, this.#title(codeOnly(currency))),
      h(
        "div",
        { class: "days-strip", role: "toolbar", "aria-label": `${t.days.label}. ${t.days.hint}`, onkeydown: move },
        buttons,
      ),
    ];
  }

  #title(currency) {
    const { passengers, max_stops: most } = this.#query;
    return t.days.title({ currency, passengers, limited: Number.isInteger(most) });
  }

  #day({ date, price }, currency, { least, most }) {
    const known = isDecimal(price);
    const present = date === this.#query.departure_date;
    const cheapest = known && least !== most && compareDecimals(price, least) === 0;
    const said = [
      known ? money(price, currency) : t.days.noFlights,
      cheapest && t.days.cheapest,
      present && t.days.chosen,
    ];
    const bar = h("span", { class: "day-bar" });
    // How high a bar is drawn is no money: a rough number will do.
    const height = known ? 0.3 + 0.7 * (Number(most) === Number(least) ? 1 : (price - least) / (most - least)) : 0;
    bar.style.setProperty("--height", height);
    return h(
      "button",
      {
        type: "button",
        class: `day${cheapest ? " day-cheapest" : ""}`,
        "aria-current": present ? "date" : null,
        "aria-label": t.days.day(day(date), said.filter(Boolean).join(", ")),
        "aria-disabled": known && !present ? null : "true",
        onclick: () => known && !present && emit(this, "tb-ask", { text: dayQuestion(this.#query, date) }),
      },
      h("span", { class: "day-price" }, known ? shortAmount(price) : t.days.none),
      h("span", { class: "day-room" }, bar),
      h("span", { class: "day-name" }, weekday(date)),
      h("span", { class: "day-date" }, shortDay(date)),
    );
  }
}

const waiting = () => h("p", { class: "days-loading muted", role: "status" }, t.days.loading);

/** Arrow keys go from day to day, Home and End to the ends. */
function move(event) {
  const step = KEYS[event.key];
  const buttons = [...event.currentTarget.children];
  if (step === undefined || !buttons.includes(document.activeElement)) return;
  event.preventDefault();
  const to = Math.min(Math.max(buttons.indexOf(document.activeElement) + step, 0), buttons.length - 1);
  for (const button of buttons) button.tabIndex = -1;
  buttons[to].tabIndex = 0;
  buttons[to].focus();
}

customElements.define("tb-days", Days);
