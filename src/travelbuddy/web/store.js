// What the page knows now, in one place. Components draw it; actions change it.

/** A store with `state`, `set(changes)` and `subscribe(draw)`; subscribers are called once for all changes of a moment. */
export function createStore(initial) {
  const listeners = new Set();
  let asked = false;
  const store = {
    state: initial,
    set(changes) {
      store.state = { ...store.state, ...changes };
      if (asked) return;
      asked = true;
      queueMicrotask(() => {
        asked = false;
        for (const draw of listeners) draw(store.state);
      });
    },
    subscribe(draw) {
      listeners.add(draw);
      draw(store.state);
      return () => listeners.delete(draw);
    },
  };
  return store;
}

export const initialState = {
  about: null, // the answer of GET /about
  userId: "default",
  online: true, // the service answered the last time it was asked
  session: null, // the id of the session that is shown
  turns: [], // its turns, oldest first; see turn.js
  older: null, // where the turns before these begin, null at the session's start
  loading: false,
  selected: null, // the turn whose steps are shown; null is the latest
  sessions: [],
  moreSessions: null,
  q: "",
  notice: null, // `{ text }`: one line of trouble, and what to do
};

const SESSION_KEY = "travelbuddy.session";

/** The session of the address or of the last visit; null on the first one. The only thing the browser keeps. */
export function rememberedSession() {
  const named = new URLSearchParams(location.hash.slice(1)).get("session");
  return named || localStorage.getItem(SESSION_KEY);
}

/** Keep the session's id for a reload and for the next visit. */
export function rememberSession(id) {
  localStorage.setItem(SESSION_KEY, id);
  const hash = `#${new URLSearchParams({ session: id })}`;
  if (location.hash === hash) return;
  if (location.hash) history.pushState(null, "", hash); // "back" is the session before
  else history.replaceState(null, "", hash);
}

/** Forget it, where everything of the user is erased. */
export function forgetSession() {
  localStorage.removeItem(SESSION_KEY);
  history.replaceState(null, "", location.pathname);
}
