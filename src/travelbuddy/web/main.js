// The page, put together: what happens in it changes the store, and the store is what it shows.

import "./components/tb-sessions.js";
import "./components/tb-message.js";
import "./components/tb-chat.js";
import "./components/tb-composer.js";
import "./components/tb-preferences.js";
import "./components/tb-signin.js";
import "./components/tb-errands.js";
import "./components/tb-offers.js";
import "./components/tb-compare.js";
import "./components/tb-days.js";
import "./components/tb-timeline.js";
import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { Frame } from "./frame.js";
import { Sessions, newSessionId } from "./sessions.js";
import { createStore, forgetSession, initialState, rememberSession, rememberedSession } from "./store.js";
import { t } from "./strings.js";

const POLL = 4_000;
const LIST_EVERY = 5; // polls
const RETRY = 2_000;

const api = new Api();
const store = createStore(initialState);
const channel = new BroadcastChannel("travelbuddy");
const conversation = new Conversation(api, store, happened);
const sessions = new Sessions(api, store);
const frame = new Frame(store, api);

/** Something changed in the session: tell the other tabs, and look at the list again. */
function happened(kind) {
  if (kind === "gone") return gone();
  if (kind === "unknown") return begin();
  channel.postMessage({ session: store.state.session, kind });
  listSoon();
}

let listing = 0;
function listSoon() {
  clearTimeout(listing);
  listing = setTimeout(() => quietly(() => sessions.load()), 150);
}

/** Run it; when the service does not answer that is shown, and tried again at the next poll. */
async function quietly(action) {
  try {
    return await action();
  } catch (error) {
    if (error.document && !error.passing && error.status !== 401) store.set({ notice: { problem: error.document } });
    else if (error.status !== 401) store.set({ online: false });
    return undefined;
  }
}

async function show(id, options) {
  rememberSession(id);
  await conversation.open(id, options);
}

const begin = () => show(newSessionId(), { fresh: true });

/** The session was erased elsewhere. */
async function gone() {
  await begin();
  store.set({ notice: { text: t.gone } });
  listSoon();
}

async function ask(text) {
  if (store.state.about?.user_id === null) return;
  rememberSession(store.state.session);
  conversation.send(text);
  frame.sent();
}

/** Go on from this turn in a new session. */
async function fork(turn) {
  const query = { user_id: store.state.userId, turn };
  const made = await api.call("POST", `/sessions/${encodeURIComponent(store.state.session)}/fork`, { query });
  await show(made.session_id);
  frame.announce(t.branched);
  listSoon();
}

const ACTIONS = {
  "tb-ask": ({ text }) => ask(text),
  "tb-turn-action": ({ action, id }) => conversation.act(action, id),
  "tb-fork": ({ id }) => quietly(() => fork(id)),
  "tb-said": ({ text }) => {
    frame.announce(text);
    quietly(look);
  },
  "tb-older": () => conversation.older(),
  "tb-select": ({ key }) => {
    store.set({ selected: key });
    frame.showTimeline();
  },
  "tb-new": async () => {
    await begin();
    frame.closeDrawers();
    document.querySelector("tb-composer").focus();
  },
  "tb-open": async ({ id }) => {
    frame.closeDrawers();
    if (id !== store.state.session) await show(id);
  },
  "tb-search": ({ q }) => quietly(() => sessions.search(q)),
  "tb-more": () => quietly(() => sessions.more()),
  "tb-rename": async ({ id, title }) => {
    await quietly(() => sessions.rename(id, title));
    channel.postMessage({ session: id, kind: "renamed" });
  },
  "tb-remove": async ({ id }) => {
    await quietly(() => sessions.remove(id));
    if (id === store.state.session) await begin();
    frame.announce(t.removed);
    channel.postMessage({ session: id, kind: "removed" });
  },
  "tb-erased": async () => {
    forgetSession();
    await begin();
    store.set({ sessions: [], moreSessions: null });
    frame.announce(t.erased);
    channel.postMessage({ session: null, kind: "removed" });
    listSoon();
  },
};

for (const [name, act] of Object.entries(ACTIONS)) addEventListener(name, (event) => act(event.detail ?? {}));

channel.onmessage = ({ data }) => {
  listSoon();
  if (data.session === store.state.session || data.session === null) quietly(() => conversation.refresh());
};

addEventListener("hashchange", () => {
  const id = rememberedSession();
  if (id && id !== store.state.session) show(id);
});
addEventListener("beforeunload", (event) => conversation.unsent && event.preventDefault());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && quietly(look));

async function look() {
  await conversation.poll();
}

/** Other browsers and other doors tell nothing: look from time to time while the page is seen. */
async function poll(round = 0) {
  if (document.visibilityState === "visible" && store.state.about) {
    await quietly(look);
    if (round % LIST_EVERY === 0 || !store.state.online) await quietly(() => sessions.load().then(() => store.set({ online: true })));
  }
  setTimeout(() => poll(round + 1), POLL);
}

/** Who the service is, and who we are to it; asked until it answers. */
async function start() {
  try {
    await enter(await api.call("GET", "/about"));
  } catch (error) {
    store.set({ online: error.status !== undefined });
    if (error.status !== 401) setTimeout(start, RETRY);
  }
}

async function enter(about) {
  store.set({ about, userId: about.user_id ?? "default", online: true });
  if (about.user_id === null) return signIn(about);
  const id = rememberedSession();
  await Promise.all([id ? show(id) : begin(), quietly(() => sessions.load())]);
}

/** Ask for a credential, take the one that /about accepts, and go on where a request was refused. */
async function signIn(about) {
  await document.querySelector("tb-signin").ask(about.auth, async (credential) => {
    api.signIn(credential);
    const again = await quietly(() => api.call("GET", "/about"));
    if (!again || again.user_id === null) return false;
    const same = store.state.session && again.user_id === store.state.userId;
    if (same) store.set({ about: again });
    else await enter(again);
    return true;
  });
}

api.onrefused = () => store.state.about && signIn(store.state.about);

await start();
poll(1);
