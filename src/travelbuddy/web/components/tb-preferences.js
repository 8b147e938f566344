// What is remembered of the user: to see, to change, to take away; and everything as a file, or gone.

import { emit, fill, h, icon } from "../dom.js";
import { problemLine, t } from "../strings.js";

const KNOWN = Object.keys(t.fields);

class TbPreferences extends HTMLElement {
  #parts = null;
  #user = null;
  #userId = null;
  /** The service. */
  api = null;

  connectedCallback() {
    if (this.#parts) return;
    const known = h("div", { class: "prefs" });
    const free = h("div", { class: "prefs" });
    const said = h("p", { class: "said", role: "status" });
    const totals = h("p", { class: "muted" });
    const data = h("div", { class: "row" });
    const close = h("button", { class: "icon-btn", type: "button", "aria-label": t.close, title: t.close, onclick: () => dialog.close() }, icon("close"));
    const dialog = h("dialog", { class: "panel", "aria-labelledby": "preferences-title" });
    dialog.append(
      h("header", { class: "panel-head" }, h("h2", { id: "preferences-title" }, t.preferencesTitle), close, said),
      h("div", { class: "panel-body" },
        h("p", { class: "muted" }, t.preferencesText), known,
        h("h3", null, t.alsoKnown), free, this.#adding(),
        h("h3", null, t.yourData), totals, data),
    );
    this.#parts = { known, free, said, totals, data, dialog };
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    this.append(dialog);
  }

  /** Read what is remembered of this user, and show it. */
  async open(userId) {
    this.#userId = userId;
    this.#say("");
    this.#drawData();
    this.#parts.dialog.showModal();
    await this.#try(async () => this.#show(await this.api.call("GET", this.#path)));
  }

  get #path() {
    return `/users/${encodeURIComponent(this.#userId)}`;
  }

  #show(user) {
    this.#user = user;
    const { known, free, totals } = this.#parts;
    const others = Object.keys(user.preferences).filter((name) => !KNOWN.includes(name)).sort();
    fill(known, KNOWN.map((name) => this.#row(name, t.fields[name])));
    fill(free, others.map((name) => this.#row(name, name.replaceAll("_", " "))));
    totals.textContent = t.totals(user.sessions, user.total_interactions);
  }

  #row(name, label) {
    const value = this.#user.preferences[name] ?? "";
    const id = `pref-${name}`;
    const choices = t.choices[name];
    const field = choices ? this.#choice(id, choices, value) : h("input", {
      class: "field", id, value: String(value), placeholder: t.hints[name] ?? "", maxLength: 200, autocomplete: "off",
      onkeydown: (event) => event.key === "Enter" && field.blur(),
    });
    field.addEventListener("change", () => this.#set(name, label, field.value.trim()));
    const forget = h("button", {
      class: "icon-btn", type: "button", "aria-label": t.forget(label), title: t.forget(label),
      hidden: value === "", onclick: () => this.#set(name, label, ""),
    }, icon("close"));
    return h("div", { class: "pref" }, h("label", { htmlFor: id }, label), field, forget);
  }

  #choice(id, choices, value) {
    const options = Object.entries({ "": t.notSet, ...choices }).map(([key, text]) => h("option", { value: key, selected: key === value }, text));
    return h("select", { class: "field", id }, options);
  }

  #adding() {
    const name = h("input", { class: "field", "aria-label": t.addName, placeholder: t.addNameHint, maxLength: 64, required: true });
    const value = h("input", { class: "field", "aria-label": t.addValue, placeholder: t.addValueHint, maxLength: 200, required: true });
    const add = async (event) => {
      event.preventDefault();
      const key = name.value.trim().replace(/\s+/g, "_");
      if (await this.#set(key, name.value.trim(), value.value.trim())) event.target.reset();
      name.focus();
    };
    return h("form", { class: "pref-add", onsubmit: add, "aria-label": t.addTitle }, name, value, h("button", { class: "btn", type: "submit" }, t.add));
  }

  /** Change one, or take it away with an empty value. True when it is done. */
  async #set(name, label, value) {
    const focused = document.activeElement?.id;
    const done = await this.#try(async () => {
      this.#show(await this.api.call("PATCH", this.#path, { body: { [name]: value || null } }));
      this.#say(value ? t.saved(label) : t.forgotten(label));
    });
    if (!done && this.#user) this.#show(this.#user);
    document.getElementById(focused || `pref-${name}`)?.focus();
    return done;
  }

  #drawData() {
    const get = h("button", { class: "btn", type: "button", onclick: () => this.#export() }, icon("download"), t.export);
    const erase = h("button", { class: "btn btn-danger", type: "button", onclick: () => this.#ask() }, icon("trash"), t.erase);
    fill(this.#parts.data, get, erase);
  }

  #ask() {
    const keep = h("button", { class: "btn", type: "button", onclick: () => this.#drawData() }, t.keep);
    const erase = h("button", { class: "btn btn-danger", type: "button", onclick: () => this.#erase() }, t.eraseYes);
    fill(this.#parts.data, h("p", { class: "question" }, t.eraseQuestion), keep, erase);
    keep.focus();
  }

  async #erase() {
    await this.#try(async () => {
      await this.api.call("DELETE", this.#path);
      this.#parts.dialog.close();
      emit(this, "tb-erased");
    });
  }

  async #export() {
    await this.#try(async () => {
      const url = URL.createObjectURL(await this.api.file(`${this.#path}/export`));
      h("a", { href: url, download: "travelbuddy-export.json" }).click();
      URL.revokeObjectURL(url);
    });
  }

  async #try(action) {
    try {
      await action();
      return true;
    } catch (error) {
      this.#say(error.document ? named(problemLine(error.document)) : t.unreachable, true);
      return false;
    }
  }

  #say(text, bad = false) {
    this.#parts.said.textContent = text;
    this.#parts.said.classList.toggle("bad", bad);
  }
}

/** The service names a field by its key; people know it by its label. */
function named(line) {
  const key = KNOWN.find((one) => line.toLowerCase().startsWith(`${one}:`));
  return key ? t.fields[key] + line.slice(key.length) : line;
}

customElements.define("tb-preferences", TbPreferences);
