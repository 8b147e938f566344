// The list of the user's sessions, and what is done with one.

const PAGE = 30;

export class Sessions {
  #api;
  #store;
  #asked = 0;

  constructor(api, store) {
    this.#api = api;
    this.#store = store;
  }

  /** Read the latest ones, as many as are shown; those that match where something is searched for. */
  async load() {
    const asked = (this.#asked += 1);
    const { sessions } = this.#store.state;
    const page = await this.#page({ limit: Math.min(Math.max(PAGE, sessions.length), 100) });
    if (asked === this.#asked) this.#store.set({ sessions: page.sessions, moreSessions: page.next });
  }

  /** The ones before the last that is shown. */
  async more() {
    const { sessions, moreSessions } = this.#store.state;
    const page = await this.#page({ limit: PAGE, before: moreSessions });
    const known = new Set(sessions.map((one) => one.session_id));
    const added = page.sessions.filter((one) => !known.has(one.session_id));
    this.#store.set({ sessions: [...sessions, ...added], moreSessions: page.next });
  }

  async search(q) {
    this.#store.set({ q });
    await this.load();
  }

  /** Give a session a title; an empty one is the automatic title again. */
  async rename(id, title) {
    await this.#api.call("PATCH", path(id), { query: this.#me, body: { title: title.trim() || null } });
    await this.load();
  }

  async remove(id) {
    await this.#api.call("DELETE", path(id), { query: this.#me });
    await this.load();
  }

  get #me() {
    return { user_id: this.#store.state.userId };
  }

  #page(query) {
    return this.#api.call("GET", "/sessions", { query: { ...this.#me, q: this.#store.state.q, ...query } });
  }
}

const path = (id) => `/sessions/${encodeURIComponent(id)}`;

/** An id for a new session; nobody can guess it, and it says nothing. */
export const newSessionId = () => `chat-${crypto.randomUUID().slice(0, 18)}`;
