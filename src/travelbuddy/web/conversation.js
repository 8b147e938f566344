// The session that is shown: its history, what is sent, and the one turn that is followed, the head of its lane.

import { Problem, Unreachable } from "./api.js";
import { follow } from "./follow.js";
import { merged, upToDate, withOlder } from "./merge.js";
import { FINAL, isOver, newTurn, reduce } from "./turn.js";

const PAGE = 20;
const JUST_NOW = 5_000;

export class Conversation {
  #api;
  #store;
  #tell;
  #following = null; // { key, stop }: a browser has few connections to a host, so one turn at a time is followed
  #accepting = Promise.resolve(); // messages are accepted in the order they were written
  #touched = new Map(); // when a turn's end was seen here
  #outbox = new Map(); // what is not accepted yet; it is sent on, whichever session is shown
  #opened = new AbortController();

  /** `tell(kind)` says that something happened: a `turn` changed, or the session is `gone`, or `unknown`. */
  constructor(api, store, tell) {
    this.#api = api;
    this.#store = store;
    this.#tell = tell;
  }

  /** Show a session; `fresh` for one that the service cannot know yet. */
  async open(session, { fresh = false } = {}) {
    this.#opened.abort();
    this.#opened = new AbortController();
    this.#following = null;
    const turns = [...this.#outbox.values()].filter((turn) => turn.sessionId === session);
    this.#store.set({ session, turns, older: null, selected: null, notice: null, loading: !fresh });
    if (!fresh) await this.refresh();
  }

  /** Read the latest turns and those in progress, and follow what goes on. */
  async refresh() {
    const signal = this.#opened.signal;
    const page = await this.#history({ limit: PAGE }, signal);
    if (signal.aborted) return;
    if (page === null) return this.#store.set({ loading: false });
    const { turns, older } = this.#state;
    const now = merged(turns, page, (turn) => !isOver(turn) || this.#justNow(turn));
    const paged = turns.length > 0 && now[0]?.id === turns[0].id && now[0].id !== page.turns[0]?.workflow_instance_id;
    this.#store.set({ turns: now, older: paged ? older : page.next, loading: false });
    this.#pump();
  }

  /** Look whether something happened elsewhere: another tab, another browser, another door. */
  async poll() {
    const { session, turns } = this.#state;
    if (!session || !turns.length) return;
    const page = await this.#history({ limit: 1 }, this.#opened.signal);
    if (page && session === this.#state.session && !upToDate(this.#state.turns, page)) await this.refresh();
  }

  /** The page of turns before the first that is shown. */
  async older() {
    const signal = this.#opened.signal;
    const page = await this.#history({ limit: PAGE, before: this.#state.older }, signal);
    if (page && !signal.aborted) this.#store.set({ turns: withOlder(this.#state.turns, page), older: page.next });
  }

  /** True while a message is not accepted yet: closing the page would lose it. */
  get unsent() {
    return this.#outbox.size > 0;
  }

  /** Send a message; it is shown at once, and waits its turn where one is in progress. */
  send(text) {
    const { session, userId, turns } = this.#state;
    const key = crypto.randomUUID();
    const turn = newTurn({ message: text, sessionId: session, key, acceptedAt: now() });
    this.#outbox.set(key, turn);
    this.#store.set({ turns: [...turns, turn], selected: null, notice: null });
    const post = { key, user_id: userId, session_id: session, message: text, if_busy: "enqueue" };
    this.#accepting = this.#accepting.then(() => this.#deliver(key, post));
  }

  /** pause, resume or cancel a turn. */
  async act(action, id) {
    try {
      const view = await this.#api.call("POST", `/workflows/${id}/${action}`, { query: this.#me });
      this.#change(id, { ...eventOf(view), at: now() });
      this.#tell("turn");
      await this.refresh();
    } catch (error) {
      this.#trouble(error);
    }
  }

  get #state() {
    return this.#store.state;
  }

  get #me() {
    return { user_id: this.#state.userId };
  }

  /** Send, and settle when the message is accepted or refused. */
  #deliver(key, post) {
    const opened = this.#opened.signal;
    const here = () => !opened.aborted && this.#state.session === post.session_id;
    const waits = () => this.#state.turns.some((turn) => turn.key !== key && turn.id && !isOver(turn));
    const stop = new AbortController();
    if (here() && !this.#following && !waits()) this.#following = { key, stop };
    return new Promise((settled) => {
      const accepted = () => {
        this.#outbox.delete(key);
        settled();
        if (here() && this.#following?.key === key) return;
        stop.abort(); // its events come when it is its turn, or when its session is shown again
        if (!here()) return;
        this.#wait(key);
        this.#pump();
      };
      this.#take(key, { post }, stop, accepted).finally(() => {
        this.#outbox.delete(key);
        settled();
      });
    });
  }

  /** Follow the head of the lane, unless it is followed already, or a message is being sent. */
  #pump() {
    const head = this.#state.turns.find((turn) => turn.id && !isOver(turn));
    const key = head?.key ?? head?.id;
    const followed = this.#following;
    if (!head || followed?.key === key || this.#outbox.has(followed?.key)) return;
    followed?.stop.abort();
    const stop = this.#begin();
    this.#following = { key, stop };
    this.#take(key, { post: this.#me, id: head.id, after: head.lastEventId }, stop, () => {});
  }

  /** An AbortController that also ends when another session is opened. */
  #begin() {
    const stop = new AbortController();
    this.#opened.signal.addEventListener("abort", () => stop.abort());
    return stop;
  }

  async #take(key, place, stop, accepted) {
    for await (const event of follow(this.#api, { ...place, signal: stop.signal })) {
      if (stop.signal.aborted) return;
      this.#change(key, event);
      this.#store.set({ online: event.name !== "lost" });
      if (event.data?.state !== "following") continue;
      if (place.post.key) this.#tell("turn");
      accepted();
    }
    if (stop.signal.aborted) return;
    if (this.#following?.key === key) this.#following = null;
    this.#tell("turn");
    this.#pump();
    await this.#complete(key);
  }

  /** The last steps of a turn are known only when it is over, and not told by its events. */
  async #complete(key) {
    const id = this.#state.turns.find((turn) => turn.key === key || turn.id === key)?.id;
    if (!id) return;
    try {
      const { timeline } = await this.#api.call("GET", `/workflows/${id}`, { query: this.#me });
      if (timeline) this.#change(id, { name: "timeline", data: timeline });
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** The message is accepted and waits behind others. */
  #wait(key) {
    const open = this.#state.turns.filter((turn) => turn.id && !isOver(turn));
    const place = open.findIndex((turn) => turn.key === key);
    if (place > 0) this.#change(key, { name: "status", data: { state: "queued", queue_position: place }, at: now() });
  }

  #change(key, event) {
    const turns = this.#state.turns.map((turn) => (turn.key === key || turn.id === key ? reduce(turn, event) : turn));
    const changed = turns.find((turn) => turn.key === key || turn.id === key);
    if (this.#outbox.has(key) && changed) this.#outbox.set(key, changed);
    if (changed && isOver(changed)) this.#touched.set(changed.key ?? changed.id, Date.now());
    this.#store.set({ turns: changed && isOver(changed) ? nextInLine(turns) : turns });
  }

  #justNow(turn) {
    return !turn.id || Date.now() - (this.#touched.get(turn.key ?? turn.id) ?? -Infinity) < JUST_NOW;
  }

  /** A page of history; null where the session is not there, or no answer came. */
  async #history(query, signal) {
    const path = `/sessions/${encodeURIComponent(this.#state.session)}/history`;
    try {
      const page = await this.#api.call("GET", path, { query: { ...this.#me, ...query }, signal });
      this.#store.set({ online: true });
      return page;
    } catch (error) {
      if (signal.aborted) return null;
      if (error.status === 404) this.#gone();
      else this.#trouble(error);
      return null;
    }
  }

  /** The service does not know the session: it was erased elsewhere, is another user's, or has no message yet. */
  #gone() {
    const { turns } = this.#state;
    if (turns.some((turn) => turn.id)) this.#tell("gone");
    else if (!turns.length) this.#tell("unknown");
  }

  #trouble(error) {
    if (error instanceof Unreachable || (error instanceof Problem && error.passing)) this.#store.set({ online: false });
    else this.#store.set({ notice: { problem: error.document ?? { detail: String(error) } } });
  }
}

/** A turn has ended: those that wait move up. */
function nextInLine(turns) {
  const open = turns.filter((turn) => turn.id && !isOver(turn));
  return turns.map((turn) => {
    const place = open.indexOf(turn);
    return turn.state === "queued" && place >= 0 && turn.queuePosition !== place ? { ...turn, queuePosition: place } : turn;
  });
}

/** What the answer of pause, resume or cancel says, as an event of the turn. */
function eventOf({ status, progress, queue_position, response }) {
  if (FINAL.has(status)) return { name: "message", data: { response, metadata: { outcome: status } } };
  return { name: "status", data: { state: status, doing: progress, queue_position } };
}

const now = () => new Date().toISOString();
