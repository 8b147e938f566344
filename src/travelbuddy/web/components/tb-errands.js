// What goes on beyond the conversations: holds that wait for a decision, fares that are watched. A dialog over all sessions.

import { emit, fill, h, icon } from "../dom.js";
import { money, readerMoment } from "../format.js";
import { problemLine, t } from "../strings.js";

class TbErrands extends HTMLElement {
  #parts = null;
  #userId = null;
  api = null;

  connectedCallback() {
    if (this.#parts) return;
    const approvals = h("ul", { class: "errands", role: "list" });
    const watches = h("ul", { class: "errands", role: "list" });
    const said = h("p", { class: "said", role: "status" });
    const close = h("button", { class: "icon-btn", type: "button", "aria-label": t.close, title: t.close, onclick: () => dialog.close() }, icon("close"));
    const dialog = h("dialog", { class: "panel", "aria-labelledby": "errands-title" });
    dialog.append(
      h("header", { class: "panel-head" }, h("h2", { id: "errands-title" }, t.errands.title), close, said),
      h("div", { class: "panel-body" }, h("h3", null, t.errands.approvals), approvals, h("h3", null, t.errands.watches), watches),
    );
    this.#parts = { approvals, watches, said, dialog };
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    this.append(dialog);
  }

  /** Read what there is of this user, and show it. */
  async open(userId) {
    this.#userId = userId;
    this.#say("");
    fill(this.#parts.approvals);
    fill(this.#parts.watches);
    this.#parts.dialog.showModal();
    await this.#load();
  }

  async #load() {
    const list = async (path, part, status) => {
      try {
        return (await this.api.call("GET", path, { query: { user_id: this.#userId, status } }))[part];
      } catch (error) {
        if (error.status !== 404) this.#say(error.document ? problemLine(error.document) : t.unreachable, true);
        return [];
      }
    };
    const [approvals, watches] = await Promise.all([list("/approvals", "approvals", "waiting"), list("/watches", "watches", "watching")]);
    fill(this.#parts.approvals, approvals.length ? approvals.map((one) => this.#approval(one)) : h("li", { class: "muted" }, t.errands.noApprovals));
    fill(this.#parts.watches, watches.length ? watches.map((one) => this.#watch(one)) : h("li", { class: "muted" }, t.errands.noWatches));
  }

  #approval({ offer, expires_at: until, session_id: session }) {
    const [way] = offer.slices;
    const text = t.errands.approval(`${way.origin} → ${way.destination}`, money(offer.total_amount, offer.total_currency), readerMoment(until));
    return h("li", null, h("span", null, text), this.#opens(session));
  }

  #watch(watch) {
    const { query, limit, currency, last_price: last } = watch;
    const price = (amount) => (amount && currency ? money(amount, currency) : (amount ?? "–"));
    const text = t.errands.watch(`${query.origin} → ${query.destination}`, query.departure_date, price(limit), price(last));
    const row = h("li", null);
    const draw = (asking) => {
      const act = (label, does, kind = "btn btn-ghost") => h("button", { class: kind, type: "button", onclick: does }, label);
      const buttons = asking
        ? [act(t.errands.stopYes, () => this.#stop(watch), "btn btn-danger"), act(t.keep, () => draw(false))]
        : [act(t.errands.stop, () => draw(true)), this.#opens(watch.session_id)];
      fill(row, h("span", null, text), buttons);
      if (asking) row.querySelector("button").focus();
    };
    draw(false);
    return row;
  }

  #opens(id) {
    const open = () => {
      this.#parts.dialog.close();
      emit(this, "tb-open", { id });
    };
    return h("button", { class: "btn btn-ghost", type: "button", onclick: open }, t.errands.open);
  }

  async #stop(watch) {
    try {
      await this.api.call("DELETE", `/watches/${watch.watch_id}`, { query: { user_id: this.#userId } });
      this.#say(t.errands.stopped);
      await this.#load();
      this.#parts.dialog.focus();
    } catch (error) {
      this.#say(error.document ? problemLine(error.document) : t.unreachable, true);
    }
  }

  #say(text, bad = false) {
    this.#parts.said.textContent = text;
    this.#parts.said.classList.toggle("bad", bad);
  }
}

customElements.define("tb-errands", TbErrands);
