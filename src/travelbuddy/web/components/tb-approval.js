/* <tb-approval>: an offer that waits for the traveller's decision. Properties: approvalId, api, others (offers of the search). */

import { emit, fill, h } from "../dom.js";
import { money, readerMoment } from "../format.js";
import { flightCodes, readResult } from "../offers-model.js";
import { spokenSlice } from "../offers-text.js";
import { problemLine, t } from "../strings.js";
import { passengerForm } from "./passenger-form.js";

const WAITING = 15_000;
const HOLDING = 2_000;
const OVER = new Set(["held", "failed", "rejected", "expired", "cancelled"]);

class TbApproval extends HTMLElement {
  #known = null;
  #timer = 0;
  #busy = false;
  #choosing = null; // "approve", "edit" or "reject": what is about to be confirmed
  #form = null;
  #other = null; // the choice of another offer; as the form it stays as it is while the card is drawn anew
  approvalId = null;
  api = null;
  others = [];

  connectedCallback() {
    this.classList.add("approval");
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", t.approval.title);
    if (!this.#known) this.#look();
    else this.#lookLater();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  async #look() {
    clearTimeout(this.#timer);
    try {
      this.#show(await this.api.approval(this.approvalId));
    } catch (error) {
      if (error.status === 404) return this.#drawGone();
    }
    this.#lookLater();
  }

  #lookLater() {
    clearTimeout(this.#timer);
    if (!this.isConnected || OVER.has(this.#known?.status)) return;
    const soon = this.#known?.status === "approved" || !this.#known;
    const seen = () => (document.visibilityState === "visible" ? this.#look() : this.#lookLater());
    this.#timer = setTimeout(seen, soon ? HOLDING : WAITING);
  }

  #show(approval) {
    const before = this.#known;
    this.#known = approval;
    if (before && JSON.stringify(before) === JSON.stringify(approval)) return;
    if (approval.status !== "waiting") this.#choosing = this.#form = this.#other = null;
    this.#draw();
    if (before && before.status !== approval.status) emit(this, "tb-said", { text: this.#status().text });
  }

  #draw(trouble = null) {
    const { text, kind } = this.#status();
    this.dataset.state = this.#known.status;
    fill(
      this,
      h("h3", { class: "approval-title" }, t.approval.title),
      this.#offer(this.#known.offer),
      this.#known.note && h("p", { class: "muted" }, this.#known.note),
      h("p", { class: "approval-state", dataset: { kind } }, text),
      trouble && h("p", { class: "approval-trouble", role: "alert" }, trouble),
      this.#known.status === "waiting" && (this.#choosing ? this.#confirm() : this.#choices()),
    );
  }

  #drawGone() {
    fill(this, h("p", { class: "muted" }, t.approval.gone));
  }

  /** The journey as text: its price, and each direction in a sentence. */
  #offer(offer) {
    const { offers } = readResult({ offers: [offer] });
    const [read] = offers;
    return h(
      "div",
      { class: "approval-offer" },
      h("p", { class: "approval-price" }, h("b", null, money(read.amount, read.currency)), " ", read.carriers.join(", "), " ", flightCodes(read).join(" + ")),
      read.slices.map((slice, i) => h("p", null, spokenSlice(slice, i ? t.card.back : t.card.out))),
    );
  }

  #status() {
    const { status, expires_at: until, hold, error, offer } = this.#known;
    if (status === "waiting") return { kind: "waiting", text: t.approval.waiting(readerMoment(until)) };
    if (status === "held") return { kind: "ok", text: t.approval.held(hold.reference, hold.pay_by && readerMoment(hold.pay_by), offer.source === "sample") };
    if (status === "failed") return { kind: "bad", text: t.approval.failed(error ?? "") };
    return { kind: status === "approved" ? "working" : "muted", text: t.approval[status] ?? status };
  }

  #choices() {
    const choose = (what) => () => {
      this.#choosing = what;
      this.#draw();
      this.querySelector(".approval-confirm :is(select, input, .btn-primary, .btn-danger)")?.focus();
    };
    const others = this.#alternatives().length > 0;
    return h(
      "div",
      { class: "approval-actions" },
      h("button", { class: "btn btn-primary", type: "button", onclick: choose("approve") }, t.approval.approve),
      others && h("button", { class: "btn", type: "button", onclick: choose("edit") }, t.approval.edit),
      h("button", { class: "btn", type: "button", onclick: choose("reject") }, t.approval.reject),
    );
  }

  #alternatives() {
    return this.others.filter((offer) => offer.id && offer.id !== this.#known.offer.id);
  }

  /** What is about to be decided, in words, and who travels where that is needed. */
  #confirm() {
    const { offer, passengers, needs_passengers: needed } = this.#known;
    const what = this.#choosing;
    this.#form = what !== "reject" && needed ? (this.#form ?? passengerForm(passengers)) : null;
    if (what === "edit") this.#other ??= this.#select();
    const back = () => {
      this.#choosing = null;
      this.#draw();
      this.querySelector(".approval-actions button")?.focus();
    };
    const send = (event) => {
      event.preventDefault();
      this.#decide(what);
    };
    const yes = what === "reject" ? t.approval.rejectYes : t.approval.approveYes;
    return h(
      "form",
      { class: "approval-confirm", onsubmit: send, noValidate: true },
      h("p", null, what === "reject" ? t.approval.rejectQuestion : t.approval.question(money(offer.total_amount, offer.total_currency))),
      what === "edit" && this.#other,
      this.#form?.element,
      h(
        "div",
        { class: "approval-actions" },
        h("button", { class: what === "reject" ? "btn btn-danger" : "btn btn-primary", type: "submit" }, yes),
        h("button", { class: "btn btn-ghost", type: "button", onclick: back }, t.approval.notYet),
      ),
    );
  }

  #select() {
    const { offers } = readResult({ offers: this.#alternatives() });
    const option = (read, i) => {
      const name = [money(read.amount, read.currency), read.carriers.join(", "), flightCodes(read).join(" + ")].join(" · ");
      return h("option", { value: this.#alternatives()[i].id }, name);
    };
    return h("select", { class: "field", "aria-label": t.approval.other }, offers.map(option));
  }

  /** Send the decision, once however often the button is pressed. */
  async #decide(decision) {
    if (this.#busy) return;
    const passengers = this.#form?.read();
    if (this.#form && !passengers) return this.#form.focus();
    const changes = decision === "edit" ? { changes: { offer_id: this.#other.value } } : {};
    this.#busy = true;
    try {
      this.#show(await this.api.decide(this.approvalId, { decision, ...changes, ...(passengers ? { passengers } : {}) }));
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#busy = false;
    }
    this.#lookLater();
  }

  #refused(error) {
    if (this.#form?.refuse(error.document?.errors ?? [])) {
      this.#draw(t.approval.check);
      return this.#form.focus();
    }
    if (error.status === 409) this.#look();
    this.#draw(error.document ? problemLine(error.document) : t.unreachable);
  }
}

customElements.define("tb-approval", TbApproval);
