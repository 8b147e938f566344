// One turn's events to its end, however often the connection breaks: the service can go on from any event.

import { Problem } from "./api.js";

const PAUSES = [250, 500, 1000, 2000, 4000, 8000];
const PATIENCE = 30; // seconds: told to come back later than that, the traveller is asked instead

/**
 * The events of a turn for the reducer of turn.js. `post` sends a message first (and sends it again, under the same
 * key, while nothing came back); `id` and `after` follow a turn that is there. Ends after the turn does, or with `signal`.
 */
export async function* follow(api, { post, id = null, after = null, signal }) {
  let failures = 0;
  let lost = false;
  while (!signal.aborted) {
    let wait = null;
    let reason = null;
    let elsewhere = false;
    try {
      for await (const event of open(api, { post, id, after, signal })) {
        if (lost) yield { name: "back", at: event.at };
        lost = false;
        if (event.name === "error" && passing(event.data)) throw new Problem(event.data, event.data.status);
        if (event.data.state === "following") id = event.data.workflow_instance_id;
        else failures = 0;
        after = event.id || after;
        elsewhere = event.data.state === "resume";
        if (elsewhere) break;
        yield event;
        if (event.name === "message" || event.name === "error") return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) {
        await api.credential();
        continue;
      }
      if (error instanceof Problem && (!error.passing || error.retryAfter > PATIENCE)) {
        yield { name: "refused", data: error.document, at: now() };
        return;
      }
      if (error instanceof Problem) reason = error.message;
      wait = error.retryAfter ? error.retryAfter * 1000 : null;
    }
    if (elsewhere && failures === 0) continue; // a replica that leaves says so: nothing is lost
    if (!lost) yield { name: "lost", data: { reason }, at: now() };
    lost = true;
    await pause(wait ?? PAUSES[Math.min(failures, PAUSES.length - 1)], signal);
    failures += 1;
  }
}

function open(api, { post, id, after, signal }) {
  if (id) return api.events("GET", `/workflows/${id}/stream`, { query: { after, user_id: post.user_id }, signal });
  const { key, ...body } = post;
  return api.events("POST", "/chat/stream", { body, headers: { "Idempotency-Key": key }, signal });
}

const passing = (document) => document.status === 429 || document.status >= 502;
const now = () => new Date().toISOString();

/** Wait, but not longer than until the browser is online again or the page is looked at. */
function pause(milliseconds, signal) {
  return new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      document.removeEventListener("visibilitychange", finish);
      signal.removeEventListener("abort", finish);
      done();
    };
    const timer = setTimeout(finish, milliseconds);
    addEventListener("online", finish);
    document.addEventListener("visibilitychange", finish);
    signal.addEventListener("abort", finish);
  });
}
