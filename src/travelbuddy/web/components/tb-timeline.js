/* <tb-timeline>: what happened with a turn, step by step, while it happens. Property: turn (of turn.js, or null). */

import { emit, fill, h, oncePerFrame } from "../dom.js";
import { elapsed, wholeSeconds } from "../format.js";
import { isOver, observed, rowsOf } from "../timeline-model.js";
import { sumsOf } from "../timeline-sums.js";
import { t } from "../strings.js";
import { actionsView, idView, sumsView } from "./timeline-parts.js";
import { timelineRow } from "./timeline-row.js";

const ACTIONS = {
  queued: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  reconnecting: ["cancel"],
};
const ACTION_PATIENCE = 5_000;
const MOST_LOGS = 50;
const WORTH_SAYING = new Set(["failed", "paused", "browser", "cancelled"]);

/** What this page saw of turns, by turn: it stays when another turn is looked at meanwhile. */
const logs = new Map();

class Timeline extends HTMLElement {
  #turn = null;
  #rows = new Map();
  #starts = new Map();
  #acting = null;
  #patience = null;
  #ticking = null;
  #draw = oncePerFrame(() => this.#drawNow());

  set turn(turn) {
    const before = this.#turn && turn && nameOf(this.#turn) === nameOf(turn) ? this.#turn : null;
    if (turn) logOf(turn).push(...observed(before, turn, Date.now()));
    if (!before) this.#forget();
    if (before?.state !== turn?.state) this.#acting = null;
    this.#turn = turn;
    this.#draw();
  }

  get turn() {
    return this.#turn;
  }

  connectedCallback() {
    this.#ticking = setInterval(() => this.#tick(), 1_000);
    if (!this.list) this.#build();
    this.#draw();
  }

  disconnectedCallback() {
    clearInterval(this.#ticking);
  }

  #forget() {
    this.#rows = new Map();
    this.#starts = new Map();
    this.list?.replaceChildren();
  }

  #build() {
    this.state = h("span", { class: "timeline-state" });
    this.sums = h("div", { class: "timeline-sums" });
    this.actions = h("div", { class: "timeline-actions" });
    this.list = h("ol", { class: "timeline-steps", role: "list" });
    this.foot = h("div", { class: "timeline-foot" });
    this.said = h("p", { class: "visually-hidden", role: "status" });
    this.empty = h("p", { class: "muted timeline-empty" }, t.timeline.empty);
    fill(
      this,
      h("div", { class: "timeline-head" }, h("h2", null, t.timeline.title), this.state),
      this.empty,
      this.sums,
      this.actions,
      this.list,
      this.foot,
      this.said,
    );
  }

  #drawNow() {
    if (!this.list) return;
    const turn = this.#turn;
    for (const part of [this.state, this.sums, this.actions, this.list, this.foot]) part.hidden = !turn;
    this.empty.hidden = Boolean(turn);
    if (!turn) return;
    this.state.textContent = t.timeline.states[turn.state] ?? turn.state;
    this.state.className = `timeline-state badge is-${turn.state}`;
    this.#drawRows(rowsOf(turn, logOf(turn)));
    this.#drawSums();
    this.#drawActions();
    this.#drawFoot();
  }

  /** Only rows that changed are drawn anew; what was unfolded stays so. */
  #drawRows(rows) {
    const first = this.#rows.size === 0;
    const drawn = new Map();
    for (const row of rows) {
      const old = this.#rows.get(row.key);
      const signature = JSON.stringify({ ...row, call: null, step: null });
      const kept = old && old.signature === signature && old.call === row.call;
      const node = kept ? old.node : timelineRow(row, this.#startOf(row, first));
      if (old && !kept) carryOver(old.node, node);
      if (!old && !first) this.#say(row);
      drawn.set(row.key, { node, signature, call: row.call });
    }
    this.#rows = drawn;
    place(
      this.list,
      [...drawn.values()].map((one) => one.node),
    );
  }

  /**
   * Since when a row goes on: since it was first seen here, by one clock. Only a page that came later, and the loss of
   * the connection, take the time that is told.
   */
  #startOf(row, first) {
    if (!this.#starts.has(row.key)) {
      const told = first || row.key === "reconnecting" || row.key === "queued";
      this.#starts.set(row.key, (told && row.since) || (first ? null : Date.now()));
    }
    return this.#starts.get(row.key);
  }

  #say({ mark, title, error, heldUp }) {
    if (WORTH_SAYING.has(mark)) this.said.textContent = [title, error].filter(Boolean).join(": ");
    else if (heldUp) this.said.textContent = t.timeline.heldUp(elapsed(heldUp));
  }

  #drawSums() {
    const { total, tokens, parts } = sumsOf(this.#turn, Date.now());
    const key = JSON.stringify([Math.floor(total / (isOver(this.#turn) ? 1 : 1_000)), tokens, parts.length]);
    if (key === this.sums.dataset.key) return;
    this.sums.dataset.key = key;
    fill(this.sums, sumsView({ total, tokens, parts }, isOver(this.#turn)));
  }

  #drawActions() {
    const actions = this.#turn.id ? (ACTIONS[this.#turn.state] ?? []) : [];
    const key = JSON.stringify([actions, this.#acting]);
    if (key === this.actions.dataset.key) return;
    const focused = this.actions.contains(document.activeElement);
    this.actions.dataset.key = key;
    fill(
      this.actions,
      actionsView(actions, this.#acting, (action) => this.#act(action)),
    );
    if (focused) this.actions.querySelector("button")?.focus();
  }

  #act(action) {
    if (this.#acting) return;
    this.#acting = action;
    this.#draw();
    emit(this, "tb-turn-action", { action, id: this.#turn.id });
    // The answer shows as another state; when none comes, it may be asked for again.
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      this.#acting = null;
      this.#draw();
    }, ACTION_PATIENCE);
  }

  #drawFoot() {
    const { id } = this.#turn;
    if (this.foot.dataset.id === (id ?? "")) return;
    this.foot.dataset.id = id ?? "";
    fill(this.foot, id && idView(id, (text) => (this.said.textContent = text)));
  }

  #tick() {
    if (!this.#turn || isOver(this.#turn)) return;
    for (const node of this.list.querySelectorAll("[data-since]"))
      node.textContent = wholeSeconds(Date.now() - node.dataset.since);
    this.#drawSums();
  }
}

const nameOf = (turn) => turn.key ?? turn.id ?? "";

function logOf(turn) {
  const name = nameOf(turn);
  if (!logs.has(name)) logs.set(name, []);
  if (logs.size > MOST_LOGS) logs.delete(logs.keys().next().value);
  return logs.get(name);
}

/** What was unfolded in the old row, and where the keyboard was in it, stays in the new one. */
function carryOver(old, fresh) {
  const [was, is] = [old.querySelector("details"), fresh.querySelector("details")];
  if (!was || !is) return;
  is.open = was.open;
  if (was.contains(document.activeElement)) queueMicrotask(() => is.querySelector("summary").focus());
}

/** The children of a list, moving none that is in its place already. */
function place(list, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, i) => list.children[i] !== node && list.insertBefore(node, list.children[i] ?? null));
}

customElements.define("tb-timeline", Timeline);
