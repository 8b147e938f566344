// Where the service wants to know who calls: a key or a token, kept in this page's memory only.

import { fill, h } from "../dom.js";
import { t } from "../strings.js";

class TbSignin extends HTMLElement {
  #parts = null;

  connectedCallback() {
    if (this.#parts) return;
    const label = h("label", { htmlFor: "credential" });
    const field = h("input", { class: "field", id: "credential", type: "password", autocomplete: "off", required: true, spellcheck: false, "aria-describedby": "sign-in-text" });
    const said = h("p", { class: "said bad", role: "alert" });
    const dialog = h("dialog", { class: "signin", "aria-labelledby": "sign-in-title" });
    const submit = (event) => {
      event.preventDefault();
      this.#parts.given(field.value.trim());
      field.value = "";
    };
    dialog.append(
      h("form", { onsubmit: submit },
        h("h2", { id: "sign-in-title" }, t.signInTitle), label, field, said,
        h("p", { class: "muted", id: "sign-in-text" }, t.signInText),
        h("button", { class: "btn btn-primary", type: "submit" }, t.signIn)),
    );
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // nothing can be done without it
    this.#parts = { label, field, said, dialog, given: () => {} };
    this.append(dialog);
  }

  /** Ask until `accepted(credential)` resolves to true. */
  async ask(kind, accepted) {
    const { dialog, label, said } = this.#parts;
    if (dialog.open) return;
    fill(label, kind === "jwt" ? t.signInToken : t.signInKey);
    said.textContent = "";
    dialog.showModal();
    for (;;) {
      const credential = await new Promise((given) => {
        this.#parts.given = given;
      });
      if (await accepted(credential)) break;
      said.textContent = t.signInRefused;
      this.#parts.field.focus();
    }
    dialog.close();
  }
}

customElements.define("tb-signin", TbSignin);
