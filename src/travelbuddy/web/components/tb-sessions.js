// The user's conversations: a new one, search, and for each its title to open, rename or delete.

import { emit, fill, h, icon } from "../dom.js";
import { t } from "../strings.js";

const SEARCH_AFTER = 250;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

class TbSessions extends HTMLElement {
  #parts = null;
  #state = null;
  #drawn = "";
  #changing = null; // `{ id, kind: "rename" | "remove" }`: the row whose title or question is open
  #timer = 0;

  connectedCallback() {
    if (this.#parts) return;
    const fresh = h("button", { class: "btn new", type: "button", onclick: () => emit(this, "tb-new") }, icon("plus"), t.newConversation);
    const search = h("input", {
      class: "field", type: "search", placeholder: t.searchConversations, "aria-label": t.searchConversations,
      oninput: () => this.#searchSoon(),
    });
    const list = h("ul", { class: "session-list", "aria-label": t.conversations });
    const nothing = h("p", { class: "muted nothing" });
    const more = h("button", { class: "btn btn-ghost", type: "button", onclick: () => emit(this, "tb-more") }, t.loadMore);
    this.#parts = { search, list, nothing, more };
    this.append(h("div", { class: "sessions-head" }, fresh, h("div", { class: "search" }, icon("search"), search)), list, nothing, more);
    if (this.#state) this.#draw();
  }

  set state(state) {
    this.#state = state;
    if (this.#parts) this.#draw();
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => emit(this, "tb-search", { q: this.#parts.search.value.trim() }), SEARCH_AFTER);
  }

  #draw() {
    const { sessions, session, moreSessions, q } = this.#state;
    const { list, more, nothing } = this.#parts;
    more.hidden = moreSessions === null;
    nothing.hidden = sessions.length > 0;
    nothing.textContent = q ? t.noMatch(q) : t.noConversations;
    const rows = sessions.map((one) => [one.session_id, one.title, ago(one.last_activity)]);
    const now = JSON.stringify([rows, session, this.#changing]);
    const writing = list.querySelector(".changing") !== null && this.#changing !== null;
    if (now === this.#drawn || writing) return; // nobody's half-written title is taken away
    this.#drawn = now;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    fill(list, sessions.map((one) => this.#row(one, one.session_id === session)));
    if (focused) list.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(one, current) {
    const title = one.title || t.untitled;
    const changing = this.#changing?.id === one.session_id ? this.#changing.kind : null;
    if (changing === "rename") return this.#renaming(one, title);
    if (changing === "remove") return this.#removing(one, title);
    const open = h(
      "button",
      {
        class: "session", type: "button", title, dataset: { focus: `open:${one.session_id}` },
        "aria-current": current ? "true" : null, onclick: () => emit(this, "tb-open", { id: one.session_id }),
      },
      h("span", { class: "session-title" }, title),
      h("span", { class: "session-when muted" }, ago(one.last_activity)),
    );
    const act = (kind, name, label) =>
      h("button", {
        class: "icon-btn", type: "button", "aria-label": label, title: label,
        dataset: { focus: `${kind}:${one.session_id}` }, onclick: () => this.#change(one.session_id, kind),
      }, icon(name));
    const actions = h("span", { class: "session-actions" }, act("rename", "pencil", t.rename(title)), act("remove", "trash", t.remove(title)));
    return h("li", { class: current ? "current" : "" }, open, actions);
  }

  #renaming(one, title) {
    const field = h("input", {
      class: "field", value: one.title ?? "", maxLength: 80, "aria-label": t.titleLabel, placeholder: title,
      onkeydown: (event) => this.#renameKey(event, one, field),
      onblur: () => this.#changing?.id === one.session_id && this.#rename(one, field.value),
    });
    queueMicrotask(() => {
      field.focus();
      field.select();
    });
    return h("li", { class: "changing" }, field);
  }

  #renameKey(event, one, field) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.#rename(one, event.key === "Enter" ? field.value : (one.title ?? ""));
    this.#focusLater(`rename:${one.session_id}`);
  }

  #rename(one, title) {
    this.#change(null);
    if (title.trim() !== (one.title ?? "")) emit(this, "tb-rename", { id: one.session_id, title });
  }

  #removing(one, title) {
    const no = () => {
      this.#change(null);
      this.#focusLater(`remove:${one.session_id}`);
    };
    const yes = () => {
      this.#change(null);
      this.#parts.search.focus();
      emit(this, "tb-remove", { id: one.session_id });
    };
    const keep = h("button", { class: "btn", type: "button", onclick: no }, t.keep);
    const remove = h("button", { class: "btn btn-danger", type: "button", onclick: yes }, t.removeYes);
    queueMicrotask(() => keep.focus());
    const escape = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      no();
    };
    const question = h("p", null, t.removeQuestion(title));
    const group = { role: "group", "aria-label": t.removeQuestion(title), onkeydown: escape };
    return h("li", { class: "changing" }, h("div", group, question, h("div", { class: "row" }, keep, remove)));
  }

  #change(id, kind = null) {
    this.#changing = id && { id, kind };
    this.#draw();
  }

  #focusLater(name) {
    this.#parts.list.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus();
  }
}

/** A time as people say it of something recent: "5 minutes ago", then the day. */
function ago(iso) {
  const seconds = (Date.now() - new Date(iso).getTime()) / 1000;
  if (seconds < 60) return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(0, "second");
  if (seconds > 6 * 86_400) return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }).format(new Date(iso));
  const [unit, size] = UNITS.find(([, length]) => seconds >= length);
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" }).format(-Math.floor(seconds / size), unit);
}

customElements.define("tb-sessions", TbSessions);
