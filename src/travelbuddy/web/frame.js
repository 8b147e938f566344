// Around the conversation: the bar at the top, the columns that become drawers, and what is read out.

import { fill, h, icon } from "./dom.js";
import { problemLine, t } from "./strings.js";
import { FINAL } from "./turn.js";

const DRAWERS = { sessions: matchMedia("(max-width: 759px)"), timeline: matchMedia("(max-width: 1099px)") };
const find = (id) => document.getElementById(id);

export class Frame {
  #store;
  #states = new Map(); // of the turns, as they were last told
  #session = null;

  constructor(store, api) {
    this.#store = store;
    for (const name of ["tb-chat", "tb-preferences", "tb-errands"]) document.querySelector(name).api = this.#asks(api, name);
    this.#label();
    this.#listen();
    store.subscribe((state) => this.#draw(state));
  }

  /** Say something to whoever listens instead of looking. */
  announce(text) {
    find("announce").textContent = text;
  }

  /** A message was sent: on a narrow screen the conversation is what counts now. */
  sent() {
    this.closeDrawers();
  }

  showTimeline() {
    if (!this.#isOpen("timeline")) this.#toggle("timeline", true);
  }

  closeDrawers() {
    for (const [id, narrow] of Object.entries(DRAWERS)) if (narrow.matches && this.#isOpen(id)) this.#toggle(id, false);
  }

  /** What the conversation's parts ask the service for; the dialogs talk to it themselves. */
  #asks(api, name) {
    if (name !== "tb-chat") return api;
    const wanted = ["origin", "destination", "departure_date", "return_date", "cabin", "passengers", "days"];
    const pick = (query) => Object.fromEntries(wanted.map((key) => [key, query[key]]));
    const me = () => ({ user_id: this.#store.state.userId });
    const approval = (id) => `/approvals/${encodeURIComponent(id)}`;
    return {
      days: (query) => api.call("GET", "/flights/days", { query: pick(query) }),
      holds: () => this.#store.state.about?.holds === true,
      approval: (id) => api.call("GET", approval(id), { query: me() }),
      decide: (id, body) => api.call("POST", approval(id), { query: me(), body }),
    };
  }

  #label() {
    const name = (id, text, picture) => {
      fill(find(id), icon(picture)).setAttribute("aria-label", text);
      find(id).title = text;
    };
    name("toggle-sessions", t.toggleSessions, "menu");
    name("toggle-timeline", t.toggleTimeline, "steps");
    fill(find("open-preferences"), icon("user"), h("span", { class: "wide" }, t.preferences)).setAttribute("aria-label", t.preferences);
    find("open-preferences").title = t.preferencesTitle;
    name("open-errands", t.errands.title, "clock");
    find("skip").textContent = t.skip;
    find("sessions").setAttribute("aria-label", t.conversations);
    find("timeline").setAttribute("aria-label", t.toggleTimeline);
    this.#drawTheme();
    for (const [id, narrow] of Object.entries(DRAWERS)) {
      narrow.addEventListener("change", () => this.#toggle(id, !narrow.matches));
      this.#toggle(id, !narrow.matches);
    }
  }

  #listen() {
    for (const id of Object.keys(DRAWERS)) find(`toggle-${id}`).onclick = () => this.#toggle(id, !this.#isOpen(id));
    find("scrim").onclick = () => this.closeDrawers();
    find("toggle-theme").onclick = () => this.#switchTheme();
    find("open-preferences").onclick = () => document.querySelector("tb-preferences").open(this.#store.state.userId);
    find("open-errands").onclick = () => document.querySelector("tb-errands").open(this.#store.state.userId);
    find("skip").onclick = (event) => {
      event.preventDefault();
      find("message").focus();
    };
    addEventListener("keydown", (event) => event.key === "Escape" && this.closeDrawers());
  }

  #isOpen(id) {
    return find(id).dataset.open === "true";
  }

  /** A drawer takes the focus when it opens, and gives it back; one open drawer at a time. */
  #toggle(id, open) {
    const narrow = DRAWERS[id].matches;
    if (open && narrow) this.closeDrawers();
    const had = find(id).contains(document.activeElement);
    find(id).dataset.open = String(open);
    find(id).inert = !open;
    find(`toggle-${id}`).setAttribute("aria-expanded", String(open));
    find("scrim").hidden = !Object.keys(DRAWERS).some((one) => DRAWERS[one].matches && this.#isOpen(one));
    if (open && narrow) find(id).querySelector("button, input, [tabindex]")?.focus();
    else if (had) find(`toggle-${id}`).focus();
  }

  #switchTheme() {
    document.documentElement.dataset.theme = this.#dark ? "light" : "dark";
    this.#drawTheme();
  }

  get #dark() {
    return (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches && "dark")) === "dark";
  }

  #drawTheme() {
    const label = this.#dark ? t.themeLight : t.themeDark;
    fill(find("toggle-theme"), icon(this.#dark ? "sun" : "moon")).setAttribute("aria-label", label);
    find("toggle-theme").title = label;
  }

  #draw(state) {
    for (const name of ["tb-sessions", "tb-chat", "tb-composer"]) document.querySelector(name).state = state;
    document.querySelector("tb-timeline").turn = inView(state);
    this.#drawBadge(state.about);
    find("open-errands").hidden = !(state.about?.holds || state.about?.watches);
    const title = state.sessions.find((one) => one.session_id === state.session)?.title;
    document.title = title ? `${title} · TravelBuddy` : "TravelBuddy";
    this.#drawNotice(state);
    this.#tell(state);
  }

  #drawBadge(about) {
    const badge = find("model-badge");
    badge.hidden = !about?.model;
    if (!about?.model) return;
    const why = h("span", { class: "wide" }, t.offlineWhy);
    fill(badge, ...(about.offline ? [t.offline, why] : [t.model(about.model)])).title = about.offline ? t.offline + t.offlineWhy : "";
  }

  #drawNotice({ online, notice, turns }) {
    const told = turns.some((turn) => turn.state === "reconnecting"); // in the conversation: once is enough
    const text = online ? notice && (notice.text ?? problemLine(notice.problem)) : told ? null : t.unreachable;
    const place = find("notice");
    place.hidden = !text;
    if (place.dataset.text === (text ?? "")) return;
    place.dataset.text = text ?? "";
    place.dataset.kind = online ? "problem" : "offline";
    const dismiss = () => this.#store.set({ notice: null });
    const close = h("button", { class: "icon-btn", type: "button", "aria-label": t.dismiss, title: t.dismiss, onclick: dismiss }, icon("close"));
    fill(place, icon(online ? "info" : "link-off"), h("span", null, text ?? ""), online && close);
  }

  /** Read out how turns stand when that changes, and a whole answer; not every word of it as it comes. */
  #tell({ turns, session }) {
    const fresh = session !== this.#session;
    this.#session = session;
    if (fresh) this.#states.clear();
    for (const turn of turns) {
      const key = turn.key ?? turn.id;
      const before = this.#states.get(key);
      this.#states.set(key, turn.state);
      if (fresh || before === turn.state || (before === undefined && FINAL.has(turn.state) && !turn.notice)) continue;
      this.announce(spoken(turn, before));
    }
  }
}

/** The turn whose steps are shown: the chosen one, else the one that is worked on, else the latest that has steps. */
function inView({ turns, selected }) {
  const chosen = turns.find((turn) => (turn.key ?? turn.id) === selected);
  return chosen ?? turns.find((turn) => !FINAL.has(turn.state)) ?? turns.findLast((turn) => !turn.notice) ?? null;
}

function spoken(turn, before) {
  if (turn.state === "answered") return t.answered(turn.text);
  if (before === "reconnecting") return t.backAgain;
  if (turn.state === "queued") return t.state.queued(turn.queuePosition ?? 1);
  if (turn.state === "failed" && turn.error) return problemLine(turn.error);
  return t.state[turn.state];
}
