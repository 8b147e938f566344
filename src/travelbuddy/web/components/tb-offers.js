/* <tb-offers>: what a search found, as cards to sort and compare. Properties: result, api ({days(query)} or null). */

import { emit, fill, h } from "../dom.js";
import { MOST_COMPARED, SORTS, readResult, sorted } from "../offers-model.js";
import { queryLine } from "../offers-text.js";
import { t } from "../strings.js";
import { offerCard } from "./offer-card.js";
import "./tb-compare.js";
import "./tb-days.js";

const SHOWN_AT_FIRST = 8;
let made = 0;

class Offers extends HTMLElement {
  #result = null;
  #api = null;
  #name = `tb-offers-${++made}`;

  set result(result) {
    if (result === this.#result) return;
    this.#result = result;
    this.#draw();
  }

  get result() {
    return this.#result;
  }

  set api(api) {
    this.#api = api;
    const days = this.querySelector("tb-days");
    if (days) days.api = api;
  }

  get api() {
    return this.#api;
  }

  #draw() {
    this.classList.add("offers");
    if (!this.#result) return void fill(this);
    const read = readResult(this.#result);
    this.read = read;
    this.picked = new Set();
    this.all = read.offers.length <= SHOWN_AT_FIRST;
    this.sort = SORTS.includes(read.query.sort) ? read.query.sort : "price";
    this.cards = new Map(read.offers.map((offer) => [offer.key, this.#card(offer)]));
    this.list = h("ol", { class: "offer-list", role: "list" });
    this.more = h("button", { class: "btn offers-more", type: "button", onclick: () => this.#showAll() });
    this.tray = h("div", { class: "offers-tray", hidden: true });
    this.said = h("p", { class: "visually-hidden", role: "status" });
    fill(this, this.#head(), this.#days(), this.#found(), this.list, this.more, this.tray, this.said, this.#earlier());
    this.#order();
  }

  #head() {
    const { query, offers, notes, sample, oneCurrency } = this.read;
    return h(
      "header",
      { class: "offers-head" },
      h(
        "div",
        { class: "offers-title" },
        h("h3", { class: "offers-query", id: this.#name }, queryLine(query)),
        sample && h("span", { class: "badge offers-sample", title: t.offers.sampleHint }, t.offers.sample),
      ),
      notes.length > 0 &&
        h(
          "ul",
          { class: "offers-notes muted", role: "list" },
          notes.map((note) => h("li", null, note)),
        ),
      !oneCurrency && offers.length > 1 && h("p", { class: "muted offers-notes" }, t.offers.currencies),
    );
  }

  #found() {
    const n = this.read.offers.length;
    return n ? this.#sorting(n) : h("p", { class: "offers-none" }, t.offers.none);
  }

  #sorting(n) {
    const option = (by) =>
      h(
        "label",
        { class: "offers-sort" },
        h("input", {
          type: "radio",
          name: `${this.#name}-sort`,
          value: by,
          checked: by === this.sort,
          onchange: () => this.#sortBy(by),
        }),
        h("span", null, t.offers.sorts[by]),
      );
    return h(
      "div",
      { class: "offers-bar" },
      h("span", { class: "muted" }, t.offers.found(n)),
      n > 1 &&
        h(
          "fieldset",
          { class: "offers-sorts" },
          h("legend", { class: "visually-hidden" }, t.offers.sortBy),
          SORTS.map(option),
        ),
    );
  }

  #card(offer) {
    return h(
      "li",
      null,
      offerCard(offer, {
        read: this.read,
        number: Number(offer.key) + 1,
        onpick: (picked) => this.#pick(offer.key, picked),
        onask: (text) => emit(this, "tb-ask", { text }),
        holds: this.#api?.holds?.() ?? false,
      }),
    );
  }

  #sortBy(by) {
    this.sort = by;
    this.#order();
    this.said.textContent = t.offers.sorted(t.offers.sorts[by]);
  }

  #showAll() {
    const next = sorted(this.read.offers, this.sort)[SHOWN_AT_FIRST];
    this.all = true;
    this.#order();
    this.cards.get(next.key).querySelector("button")?.focus();
  }

  /** Put the cards in order: the same nodes, so that what is open or picked stays so. */
  #order() {
    const ordered = sorted(this.read.offers, this.sort);
    const shown = this.all ? ordered : ordered.slice(0, SHOWN_AT_FIRST);
    fill(
      this.list,
      shown.map((offer) => this.cards.get(offer.key)),
    );
    this.list.hidden = !shown.length;
    this.more.hidden = this.all;
    this.more.textContent = t.offers.showAll(ordered.length - shown.length);
  }

  #pick(key, picked) {
    this.picked[picked ? "add" : "delete"](key);
    this.#drawTray();
  }

  #clear() {
    this.picked.clear();
    for (const card of this.cards.values()) card.querySelector("input").checked = false;
    this.#drawTray();
    this.list.querySelector("input")?.focus();
  }

  #drawTray() {
    const n = this.picked.size;
    const full = n >= MOST_COMPARED;
    for (const [key, card] of this.cards) {
      card.querySelector("input").disabled = full && !this.picked.has(key);
    }
    this.tray.hidden = n === 0;
    const hint = full ? t.compare.full : n < 2 ? t.compare.pickMore : null;
    this.said.textContent = [t.compare.picked(n, MOST_COMPARED), hint].filter(Boolean).join(". ");
    fill(
      this.tray,
      h("span", null, t.compare.picked(n, MOST_COMPARED)),
      hint && h("span", { class: "muted" }, hint),
      h("span", { class: "spacer" }),
      n >= 2 &&
        h("button", { class: "btn btn-primary", type: "button", onclick: () => this.#compare() }, t.compare.open),
      h("button", { class: "btn btn-ghost", type: "button", onclick: () => this.#clear() }, t.compare.clear),
    );
  }

  #compare() {
    const dialog = document.createElement("tb-compare");
    this.append(dialog);
    dialog.show(
      [...this.picked].map((key) => this.read.offers[Number(key)]),
      this.read.query,
    );
  }

  #days() {
    if (!this.#result?.query?.departure_date) return null;
    const days = document.createElement("tb-days");
    days.query = this.read.query;
    days.api = this.#api;
    return days;
  }

  /** The searches before this one in the same turn; each is drawn when it is opened. */
  #earlier() {
    return this.read.earlier.map((result) => {
      const read = readResult(result);
      const folded = h(
        "details",
        {
          class: "offers-earlier",
          ontoggle: () => {
            if (!folded.open || folded.querySelector("tb-offers")) return;
            const inner = document.createElement("tb-offers");
            inner.result = { ...result, earlier: [] };
            folded.append(inner);
          },
        },
        h("summary", null, t.offers.earlier(queryLine(read.query), read.offers.length)),
      );
      return folded;
    });
  }
}

customElements.define("tb-offers", Offers);
