// Where the next message is written. Enter sends; what cannot be sent now is said why.

import { emit, fill, h, icon } from "../dom.js";
import { t } from "../strings.js";
import { isOver } from "../turn.js";

const MOST = 20_000;

class TbComposer extends HTMLElement {
  #parts = null;
  #state = null;

  connectedCallback() {
    if (this.#parts) return;
    const field = h("textarea", {
      id: "message", rows: 1, placeholder: t.placeholder, "aria-label": t.message, "aria-describedby": "hint",
      enterKeyHint: "send", autocomplete: "off", oninput: () => this.#draw(), onkeydown: (event) => this.#key(event),
    });
    const send = h("button", { class: "send btn-primary", type: "submit", "aria-label": t.send, title: t.send }, icon("send"));
    const stop = h("button", { class: "send stop", type: "button", "aria-label": t.stop, title: t.stop, onclick: () => this.#stop() }, icon("stop"));
    const hint = h("p", { class: "hint muted", id: "hint" }, t.hint);
    const form = h("form", { class: "composer", onsubmit: (event) => this.#submit(event) }, field, stop, send);
    this.#parts = { field, send, stop, hint };
    this.append(h("div", { class: "column" }, form, hint));
    this.#draw();
  }

  set state(state) {
    this.#state = state;
    if (this.#parts) this.#draw();
  }

  focus() {
    this.#parts.field.focus();
  }

  get #running() {
    return this.#state?.turns.find((turn) => turn.id && !isOver(turn)) ?? null;
  }

  #draw() {
    const { field, send, stop, hint } = this.#parts;
    const signedOut = this.#state?.about?.user_id === null;
    const over = [...field.value].length - MOST;
    stop.hidden = !this.#running;
    field.disabled = signedOut;
    field.placeholder = signedOut ? t.placeholderSignedOut : this.#running ? t.placeholderBusy : t.placeholder;
    send.disabled = signedOut || !field.value.trim() || over > 0;
    fill(hint, over > 0 ? t.tooLong(over) : t.hint);
    hint.classList.toggle("bad", over > 0);
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit(event);
  }

  #submit(event) {
    event.preventDefault();
    const { field, send } = this.#parts;
    if (send.disabled) return;
    const text = field.value.trim();
    field.value = "";
    this.#draw();
    emit(this, "tb-ask", { text });
  }

  #stop() {
    emit(this, "tb-turn-action", { action: "cancel", id: this.#running.id });
    this.focus();
  }
}

customElements.define("tb-composer", TbComposer);
