// The conversation: every turn of the session, older ones on demand, and where it begins three ways to begin it.

import { emit, fill, h, icon } from "../dom.js";
import { t } from "../strings.js";

const NEAR = 80; // pixels from where the latest turn is read that still count as being there
const ABOVE = 16; // pixels that are left free above it

class TbChat extends HTMLElement {
  #state = null;
  #items = new Map();
  #parts = null;
  #atEnd = true;
  #session = null;
  /** What `<tb-offers>` asks. */
  api = null;

  connectedCallback() {
    if (this.#parts) return;
    const older = h("button", { class: "btn btn-ghost older", type: "button", onclick: () => emit(this, "tb-older") }, t.older);
    const list = h("ol", { class: "turns" });
    const latest = h("button", { class: "btn latest", type: "button", onclick: () => this.toEnd() }, icon("down"), t.latest);
    const loading = h("p", { class: "muted loading" }, t.loading);
    const scroller = h("div", { class: "scroller", tabIndex: 0, role: "region", "aria-label": t.conversation, onscroll: () => this.#scrolled() });
    scroller.append(h("div", { class: "column" }, older, loading, this.#empty(), list));
    this.#parts = { older, list, latest, loading, scroller, empty: scroller.querySelector(".empty") };
    this.append(scroller, latest);
    const grown = new ResizeObserver(() => this.#atEnd && this.toEnd());
    for (const element of [scroller, scroller.firstElementChild]) grown.observe(element);
    latest.hidden = true;
    if (this.#state) this.#draw();
  }

  set state(state) {
    this.#state = state;
    if (this.#parts) this.#draw();
  }

  /** Scroll to the latest turn: to its end, but not past its beginning, from where it is read. */
  toEnd() {
    this.#parts.scroller.scrollTop = this.#end;
    this.#atEnd = true;
    this.#parts.latest.hidden = true;
  }

  get #end() {
    const { scroller, list } = this.#parts;
    const bottom = scroller.scrollHeight - scroller.clientHeight;
    return Math.min(bottom, (list.lastElementChild?.offsetTop ?? bottom) - ABOVE);
  }

  #draw() {
    const { turns, older, loading, session, selected } = this.#state;
    if (session !== this.#session) this.#atEnd = true;
    this.#session = session;
    this.#keepPlace(() => {
      this.#parts.older.hidden = older === null;
      this.#parts.loading.hidden = !loading;
      this.#parts.empty.hidden = loading || turns.length > 0;
      this.#drawTurns(turns, selected);
    });
  }

  #drawTurns(turns, selected) {
    const { list } = this.#parts;
    const keys = turns.map((turn) => turn.key ?? turn.id);
    const gone = new Set(this.#items.keys());
    keys.forEach((key, i) => {
      gone.delete(key);
      const item = this.#item(key);
      const message = item.firstElementChild;
      message.turn = turns[i];
      message.selected = key === selected;
      if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
    });
    for (const key of gone) {
      this.#items.get(key).remove();
      this.#items.delete(key);
    }
  }

  #item(key) {
    if (!this.#items.has(key)) {
      const message = document.createElement("tb-message");
      message.api = this.api;
      this.#items.set(key, h("li", null, message));
    }
    return this.#items.get(key);
  }

  /** What is read stays where it is when earlier messages come in above it; who is at the end stays there. */
  #keepPlace(draw) {
    const { list, scroller } = this.#parts;
    const first = list.firstElementChild;
    const before = first?.offsetTop;
    const grew = list.children.length;
    draw();
    if (first && first !== list.firstElementChild && first.isConnected) scroller.scrollTop += first.offsetTop - before;
    else if (list.children.length > grew && this.#state.turns.at(-1)?.state === "sending") this.#atEnd = true;
    if (this.#atEnd) this.toEnd();
  }

  #scrolled() {
    const { scroller, latest } = this.#parts;
    this.#atEnd = scroller.scrollTop > this.#end - NEAR;
    latest.hidden = this.#atEnd;
  }

  #empty() {
    const example = (text) =>
      h("li", null, h("button", { class: "example", type: "button", onclick: () => emit(this, "tb-ask", { text }) }, text));
    return h(
      "section",
      { class: "empty" },
      h("h2", null, t.emptyTitle),
      h("p", { class: "muted" }, t.emptyText),
      h("ul", { class: "examples" }, t.examples.map(example)),
    );
  }
}

customElements.define("tb-chat", TbChat);
