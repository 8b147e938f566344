// Every English text of the page but those of the cards and the timeline (strings-cards.js).

const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

export const t = {
  skip: "Skip to the message",
  toggleSessions: "Conversations",
  toggleTimeline: "Steps",
  preferences: "Preferences",
  themeDark: "Dark colours",
  themeLight: "Light colours",
  offline: "Offline model",
  offlineWhy: ": rule-based, no key set",
  model: (name) => `Model: ${name}`,

  // sessions
  conversations: "Conversations",
  newConversation: "New conversation",
  searchConversations: "Search conversations",
  noConversations: "Your conversations will be listed here.",
  noMatch: (q) => `No conversation matches “${q}”.`,
  untitled: "Untitled conversation",
  rename: (title) => `Rename “${title}”`,
  remove: (title) => `Delete “${title}”`,
  titleLabel: "Title of the conversation",
  removeQuestion: (title) => `Delete “${title}” for good?`,
  removeYes: "Delete",
  keep: "Keep",
  loadMore: "Load more",
  removed: "The conversation was deleted.",
  gone: "This conversation was deleted elsewhere. Here is a new one.",

  // conversation
  conversation: "Conversation",
  older: "Show earlier messages",
  latest: "Jump to the latest message",
  you: "You",
  emptyTitle: "Where would you like to go?",
  emptyText: "Ask for flights in your own words. TravelBuddy remembers what you tell it about yourself.",
  examples: [
    "Find me flights from Oslo to Rome next Friday",
    "I live in Berlin. A weekend in Lisbon, direct flights only?",
    "Business class from London to Tokyo in March, back a week later",
  ],
  loading: "Loading the conversation",
  showSteps: "Show the steps of this answer",
  steps: (number) => count(number, "step", "steps"),
  tokens: (number) => count(number.toLocaleString(), "token", "tokens"),
  retry: "Send it again",
  inWords: "These flights in words",

  // a turn's state
  state: {
    sending: "Sending…",
    queued: (place) => (place === 1 ? "Next in line: one message is being answered before" : `In line: ${place} messages before this one`),
    running: "Working…",
    paused: "Paused. It goes on when you resume it.",
    reconnecting: "Reconnecting… The answer goes on where it stopped.",
    unsent: "Reconnecting… Your message is sent as soon as the service is back.",
    cancelled: "This answer was stopped.",
    interrupted: "A newer message took its place.",
    failed: "This could not be answered.",
  },
  doing: (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}…`,
  backAgain: "The connection is back.",
  answered: (text) => `TravelBuddy: ${text}`,
  resume: "Resume",
  cancel: "Cancel",

  // composer
  message: "Message",
  placeholder: "Ask about a trip",
  placeholderBusy: "Ask more: it waits its turn",
  placeholderSignedOut: "Sign in to send a message",
  send: "Send",
  stop: "Stop this answer",
  hint: "Enter sends, Shift + Enter begins a new line",
  tooLong: (over) => `${over.toLocaleString()} characters too many: shorten the message to send it`,

  // trouble
  unreachable: "Reconnecting… The service does not answer; it is asked again by itself.",
  dismiss: "Dismiss",
  advice: {
    unauthenticated: "Sign in again.",
    "not-you": "Sign in as the user it belongs to.",
    "not-found": "It may have been deleted. Choose another conversation.",
    "session-not-yours": "Start a new conversation.",
    "session-busy": "Wait for the answer in progress.",
    "turn-over": "It has ended already.",
    "session-erased": "Start a new conversation.",
    "body-too-large": "Send a shorter message.",
    "too-many-requests": "Wait a moment, then send it again.",
    overloaded: "Wait a moment, then send it again.",
    unavailable: "Wait a moment, then send it again.",
    "internal-error": "Send it again; if that does not help, tell whoever runs this service.",
  },

  // preferences
  preferencesTitle: "What TravelBuddy remembers",
  preferencesText: "It uses this in every conversation. Change or remove whatever you like; it counts from the next message.",
  fields: {
    name: "Name",
    home_airport: "Home airport",
    cabin: "Cabin",
    language: "Language",
    preferred_style: "Answers",
    expertise_level: "Experience",
    timezone: "Time zone",
  },
  hints: {
    name: "Not known",
    home_airport: "Oslo, or OSL",
    language: "English",
    timezone: "Europe/Oslo",
  },
  choices: {
    cabin: { economy: "Economy", premium_economy: "Premium economy", business: "Business", first: "First" },
    preferred_style: { concise: "Concise", detailed: "Detailed" },
    expertise_level: { beginner: "New to flying", expert: "Frequent flyer" },
  },
  notSet: "Not set",
  alsoKnown: "Also remembered",
  addTitle: "Add something",
  addName: "What to remember",
  addNameHint: "Such as seat",
  addValue: "Its value",
  addValueHint: "Such as aisle",
  add: "Add",
  forget: (name) => `Forget ${name}`,
  saved: (name) => `Saved: ${name}.`,
  forgotten: (name) => `Forgotten: ${name}.`,
  yourData: "Your data",
  totals: (sessions, messages) => `${count(sessions, "conversation", "conversations")}, ${count(messages, "message", "messages")}`,
  export: "Export everything",
  erase: "Erase everything…",
  eraseQuestion: "Erase every conversation and everything that is remembered about you? This cannot be undone.",
  eraseYes: "Erase everything",
  erased: "Everything about you is erased.",
  close: "Close",

  // sign-in
  signInTitle: "Sign in",
  signInKey: "API key",
  signInToken: "Access token",
  signInText: "It stays in this page’s memory only: closing or reloading the page signs you out.",
  signInRefused: "That was not accepted. Check it and try again.",
  signIn: "Sign in",
};

/** One line for a problem document: what is wrong, and what to do. */
export function problemLine(problem) {
  if (typeof problem === "string") return problem.charAt(0).toUpperCase() + problem.slice(1);
  const kind = (problem.type ?? "").split(":").at(-1);
  const said = problem.detail || problem.title || t.state.failed;
  const told = said.charAt(0).toUpperCase() + said.slice(1);
  const what = /[.!?]$/.test(told) ? told : `${told}.`;
  const advice = t.advice[kind];
  return advice ? `${what} ${advice}` : what;
}
