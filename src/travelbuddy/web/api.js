// The service over HTTP: calls, their errors, and server-sent events read with fetch.

const SILENCE = 40_000; // the service says something every 15 s, so this long without a byte is a dead connection
const PASSING = new Set([429, 502, 503, 504]);

/** An answer that is an error: an RFC 9457 problem document, or what can be said of an answer that is none. */
export class Problem extends Error {
  constructor(document, status, retryAfter = null) {
    super(document.detail || document.title || `HTTP ${status}`);
    this.document = { status, ...document };
    this.status = status;
    this.type = (document.type ?? "").split(":").at(-1);
    this.retryAfter = retryAfter;
  }

  /** True when the same request may do a moment later. */
  get passing() {
    return PASSING.has(this.status);
  }
}

/** There was no answer at all, or it broke off. */
export class Unreachable extends Error {}

export class Api {
  #credential = null; // in memory only: it is gone with the page
  #waiting = [];
  onrefused = () => {};

  /** Use this key or token from now on; requests that were refused for want of one go on. */
  signIn(credential) {
    this.#credential = credential;
    for (const go of this.#waiting.splice(0)) go();
  }

  get signedIn() {
    return this.#credential !== null;
  }

  /** Settles once there is another credential. */
  credential() {
    return new Promise((go) => this.#waiting.push(go));
  }

  /** A call's JSON answer; null for one without a body. Throws Problem or Unreachable. */
  async call(method, path, { query, body, signal } = {}) {
    const answer = await this.#ask(method, address(path, query), { body, signal });
    try {
      const text = await answer.text();
      return text ? JSON.parse(text) : null;
    } catch (error) {
      throw new Unreachable(String(error));
    }
  }

  /** A whole answer as a file. */
  async file(path) {
    return (await this.#ask("GET", path, {})).blob();
  }

  /** The events of a stream as they come: `{ name, data, id, at }`. Throws when there is none, or it breaks. */
  async *events(method, path, { query, body, headers, signal } = {}) {
    const stop = new AbortController();
    const end = () => stop.abort();
    signal?.addEventListener("abort", end);
    try {
      const answer = await this.#ask(method, address(path, query), { body, headers, signal: stop.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await unlessSilent(reader.read(), end);
        if (done) return;
        const blocks = (rest + value).split(/\r?\n\r?\n/);
        rest = blocks.pop();
        for (const block of blocks) {
          const event = parsed(block);
          if (event) yield event;
        }
      }
    } catch (error) {
      throw error instanceof Problem ? error : new Unreachable(String(error));
    } finally {
      signal?.removeEventListener("abort", end);
      end();
    }
  }

  async #ask(method, url, { body, headers = {}, signal }) {
    const sent = { Accept: "application/json, text/event-stream", ...headers };
    if (this.#credential) sent.Authorization = `Bearer ${this.#credential}`;
    if (body !== undefined) sent["Content-Type"] = "application/json";
    const init = { method, headers: sent, signal, cache: "no-store", body: body && JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(url, init);
    } catch (error) {
      throw new Unreachable(String(error));
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401) this.onrefused(problem);
    throw problem;
  }
}

async function problemOf(answer) {
  const seconds = Number(answer.headers.get("Retry-After"));
  let document = {};
  try {
    document = await answer.json();
  } catch {
    // a proxy's own page: the status has to do
  }
  return new Problem(document, answer.status, seconds > 0 ? seconds : null);
}

function address(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

function parsed(block) {
  const event = { name: "message", data: "", id: null, at: new Date().toISOString() };
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.name = value;
    else if (field === "data") data.push(value);
    else if (field === "id") event.id = value;
  }
  if (!data.length) return null;
  return { ...event, data: JSON.parse(data.join("\n")) };
}

async function unlessSilent(reading, end) {
  const timer = setTimeout(end, SILENCE);
  try {
    return await reading;
  } finally {
    clearTimeout(timer);
  }
}
