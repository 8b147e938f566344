// One turn in the conversation: what was asked, the reply as it comes, its offers, and how it stands.

import { emit, fill, h, icon, oncePerFrame } from "../dom.js";
import { markdown } from "../markdown.js";
import { problemLine, t } from "../strings.js";
import { isOver } from "../turn.js";
import "./tb-approval.js";

class TbMessage extends HTMLElement {
  #turn = null;
  #drawn = {};
  #parts = null;
  #redraw = oncePerFrame(() => this.#draw());
  /** What `<tb-offers>` asks: `{ days(query) }`. */
  api = null;

  set turn(turn) {
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#redraw();
  }

  get turn() {
    return this.#turn;
  }

  set selected(selected) {
    this.classList.toggle("selected", selected);
  }

  connectedCallback() {
    if (this.#parts) return;
    this.#parts = {
      asked: h("p", { class: "asked" }),
      reply: h("div", { class: "reply" }),
      state: h("p", { class: "turn-state" }),
      offers: h("div", { class: "turn-offers" }),
      errands: h("div", { class: "turn-errands" }),
      foot: h("div", { class: "turn-foot" }),
    };
    const { asked, reply, state, offers, errands, foot } = this.#parts;
    const you = h("span", { class: "visually-hidden" }, `${t.you}: `);
    const agent = h("span", { class: "visually-hidden" }, "TravelBuddy: ");
    this.append(h("div", { class: "asked-row" }, you, asked), h("div", { class: "answer" }, agent, reply, state, offers, errands, foot));
    if (this.#turn) this.#draw();
  }

  #draw() {
    const turn = this.#turn;
    if (!turn || !this.#parts) return;
    const { asked, reply } = this.#parts;
    this.dataset.state = turn.state;
    this.#once("asked", turn.message, () => fill(asked, turn.message));
    this.#once("notice", turn.notice, () => this.#drawNotice(turn.notice));
    const cards = turn.offers?.offers?.length ? turn.offers.offers : null;
    const text = said(turn);
    this.#once("text", `${cards !== null} ${text}`, () => fill(reply, folded(markdown(text), cards)));
    reply.classList.toggle("streaming", turn.state === "running" && turn.text !== "");
    this.#once("offers", turn.offers, () => this.#drawOffers(turn.offers));
    this.#once("errands", isOver(turn) && errandsOf(turn).join(), () => this.#drawErrands(turn));
    this.#once("state", JSON.stringify(stateOf(turn)), () => this.#drawState(turn));
    this.#once("foot", isOver(turn) && turn.metadata, () => this.#drawFoot(turn));
  }

  #once(part, value, draw) {
    if (this.#drawn[part] === value) return;
    this.#drawn[part] = value;
    draw();
  }

  #drawOffers(result) {
    if (!result) return fill(this.#parts.offers);
    const element = document.createElement("tb-offers");
    element.api = this.api;
    element.result = { ...result, notes: (result.notes ?? []).filter((note) => !this.#turn.text.includes(note)) };
    fill(this.#parts.offers, element);
  }

  /** What the agent told by itself has no question before it, and says what it is about. */
  #drawNotice(notice) {
    this.classList.toggle("told", notice !== null);
    if (notice !== null) this.#parts.reply.before(h("p", { class: "badge notice-kind" }, t.notices[notice] ?? t.notices.notice));
  }

  #drawErrands(turn) {
    if (!isOver(turn)) return;
    const cards = errandsOf(turn).map((id) => {
      const card = document.createElement("tb-approval");
      Object.assign(card, { approvalId: id, api: this.api, others: turn.offers?.offers ?? [] });
      return card;
    });
    fill(this.#parts.errands, cards);
  }

  #drawState(turn) {
    const { kind, text } = stateOf(turn);
    const { state } = this.#parts;
    state.dataset.kind = kind ?? "";
    const act = (action, label) =>
      h("button", { class: "link-btn", type: "button", onclick: () => emit(this, "tb-turn-action", { action, id: turn.id }) }, label);
    fill(
      state,
      kind && h("span", { class: kind === "working" ? "pulse" : "state-mark", "aria-hidden": "true" }),
      text && h("span", { class: "state-text" }, text),
      turn.state === "paused" && act("resume", t.resume),
      turn.state === "queued" && turn.id && act("cancel", t.cancel),
      turn.state === "failed" && retry(this, turn),
    );
    state.hidden = !text;
  }

  #drawFoot(turn) {
    if (!isOver(turn) || turn.notice !== null) return fill(this.#parts.foot);
    const steps = turn.timeline.length;
    const seconds = turn.metadata?.processing_time;
    const tokens = turn.metadata?.tokens_used;
    const facts = [seconds && `${seconds.toFixed(1)} s`, steps && t.steps(steps), tokens && t.tokens(tokens)].filter(Boolean);
    const show = () => emit(this, "tb-select", { key: turn.key ?? turn.id });
    const label = facts.join(" · ") || t.showSteps;
    fill(
      this.#parts.foot,
      h("button", { class: "facts", type: "button", onclick: show, title: t.showSteps }, label, icon("chevron")),
      turn.state === "answered" && turn.id && h("button", { class: "facts", type: "button", onclick: () => emit(this, "tb-fork", { id: turn.id }) }, t.branch),
    );
  }
}

/** The ids of the approvals that the turn's tools asked for. */
function errandsOf({ steps }) {
  return steps.flatMap(({ calls }) => calls.map(({ result }) => result?.approval_id).filter((id) => typeof id === "string"));
}

/** The reply; of an answer that was stopped what had been written, instead of a reply that says so. */
function said({ state, text, steps }) {
  if (state !== "cancelled" && state !== "interrupted") return text;
  const written = steps.at(-1)?.text ?? "";
  return written === text ? "" : written;
}

/** Where the flights are shown as cards, the list that says the same in words is folded. */
function folded(nodes, offers) {
  const told = (item) => offers.some((offer) => item.textContent.includes(offer.total_amount.split(".")[0]));
  return nodes.map((node) => {
    if (!offers || node.localName !== "ol" || ![...node.children].every(told)) return node;
    return h("details", null, h("summary", null, t.inWords), node);
  });
}

function retry(element, turn) {
  return h(
    "button",
    { class: "link-btn", type: "button", onclick: () => emit(element, "tb-ask", { text: turn.message }) },
    t.retry,
  );
}

/** What is said of a turn beside its text: `{ kind, text }`, nothing for one that is simply answered. */
function stateOf(turn) {
  const { state, doing, error } = turn;
  if (state === "reconnecting") return { kind: "trouble", text: reconnecting(turn) };
  if (state === "running") return { kind: "working", text: doing ? t.doing(doing) : t.state.running };
  if (state === "sending") return { kind: "working", text: t.state.sending };
  if (state === "queued") return { kind: "waiting", text: t.state.queued(turn.queuePosition ?? 1) };
  if (state === "paused") return { kind: "waiting", text: t.state.paused };
  if (state === "cancelled" || state === "interrupted") return { kind: "ended", text: t.state[state] };
  if (state === "failed") return { kind: "failed", text: error ? problemLine(error) : t.state.failed };
  return { kind: null, text: null };
}

function reconnecting(turn) {
  const text = turn.id ? t.state.reconnecting : t.state.unsent;
  return turn.doing ? `${text} (${turn.doing})` : text;
}

customElements.define("tb-message", TbMessage);
