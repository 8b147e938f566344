// A turn as the page knows it: plain data, and one pure function that takes in what happened.
//
//   sending → queued → running ⇄ paused → answered | failed | interrupted | cancelled
//                 ⇅ reconnecting

export const FINAL = new Set(["answered", "failed", "interrupted", "cancelled"]);
const SHOWN = new Set(["queued", "running", "paused"]);

/** A turn that is only a message yet. `key` names it before the service has given it an id. */
export function newTurn({ message, sessionId, key = null, id = null, acceptedAt = null, state = "sending" }) {
  return {
    id, key, sessionId, message, state, acceptedAt,
    queuePosition: null, doing: null, step: null, attempt: null, endedAt: null,
    text: "", restarted: 0, steps: [], timeline: [], offers: null, metadata: null, error: null,
    lastEventId: null, connection: [], before: null, notice: null,
  };
}

/** True when nothing more will happen to it. */
export const isOver = (turn) => FINAL.has(turn.state);

/**
 * The turn after an event: one of the stream's `{ name, data, id, at }`, or what became of the connection:
 * `{ name: "lost" | "back", at }`, `{ name: "refused", data: problem, at }`; or, when it is over, its whole `timeline`.
 */
export function reduce(turn, event) {
  if (event.name === "timeline") return { ...turn, timeline: event.data };
  if (isOver(turn)) return turn;
  const next = CHANGES[event.name]?.(turn, event.data ?? {}, event) ?? turn;
  return event.id ? { ...next, lastEventId: event.id } : next;
}

const CHANGES = {
  status: (turn, data) => {
    if (data.state === "following") return following(turn, data);
    if (data.state === "restarted") return restarted(turn, data.step);
    if (!SHOWN.has(data.state)) return turn;
    return {
      ...turn,
      state: data.state,
      queuePosition: data.queue_position ?? null,
      doing: data.doing ?? null,
      step: data.step ?? turn.step,
      attempt: data.attempt ?? null,
      timeline: data.timeline ?? turn.timeline,
    };
  },
  token: (turn, data) => {
    const steps = stepsWith(turn.steps, data.step, (step) => ({ ...step, text: step.text + data.text }));
    return { ...turn, state: "running", steps, text: steps.at(-1).text };
  },
  tool_call: (turn, { id, name, arguments: args, step }) => ({
    ...turn,
    steps: stepsWith(turn.steps, step, (one) => ({
      ...one,
      calls: [...one.calls.filter((call) => call.id !== id), { id, name, arguments: args, result: null }],
    })),
  }),
  tool_result: (turn, { tool_call_id: id, result, step }) => ({
    ...turn,
    steps: stepsWith(turn.steps, step, (one) => ({
      ...one,
      calls: one.calls.map((call) => (call.id === id ? { ...call, result } : call)),
    })),
  }),
  message: (turn, { response, metadata = {}, timestamp }, { at }) => ({
    ...ended(turn, FINAL.has(metadata.outcome) ? metadata.outcome : "answered", timestamp ?? at),
    text: response ?? turn.text,
    metadata,
    offers: metadata.offers ?? null,
    error: metadata.error ?? null,
  }),
  error: (turn, problem, { at }) => ({ ...ended(turn, "failed", at), error: problem }),
  refused: (turn, problem, { at }) => ({ ...ended(turn, "failed", at), error: problem }),
  lost: (turn, { reason = null }, { at }) => {
    if (turn.state === "reconnecting") return turn;
    const connection = [...turn.connection, { at, kind: "lost" }];
    return { ...turn, state: "reconnecting", before: turn.state, doing: reason, connection };
  },
  back: (turn, _data, { at }) => {
    if (turn.state !== "reconnecting") return turn;
    const connection = [...turn.connection, { at, kind: "back" }];
    return { ...turn, state: turn.before ?? "running", before: null, doing: null, connection };
  },
};

function following(turn, data) {
  const state = turn.state === "sending" ? "running" : turn.state;
  return { ...turn, state, id: data.workflow_instance_id ?? turn.id, sessionId: data.session_id ?? turn.sessionId };
}

function restarted(turn, number) {
  const steps = turn.steps.slice(0, Math.max(number - 1, 0));
  return { ...turn, restarted: turn.restarted + 1, steps, text: "" };
}

function ended(turn, state, at) {
  return { ...turn, state, endedAt: at, doing: null, queuePosition: null, before: null };
}

function stepsWith(steps, number, change) {
  const grown = [...steps];
  while (grown.length < number) grown.push({ n: grown.length + 1, text: "", calls: [] });
  grown[number - 1] = change(grown[number - 1]);
  return grown;
}

/** A finished turn out of the history; `notice` says of one that the agent told by itself what it is about. */
export function fromHistory(stored, sessionId) {
  const messages = stored.messages ?? [];
  const reply = messages.at(-1);
  const notice = messages.length === 1 && reply.role === "assistant" ? (reply.metadata?.kind ?? "notice") : null;
  const metadata = { ...(reply?.metadata ?? {}), workflow_instance_id: stored.workflow_instance_id };
  return {
    ...newTurn({ message: notice ? "" : (messages[0]?.content ?? ""), sessionId, id: stored.workflow_instance_id }),
    notice,
    state: stored.outcome,
    acceptedAt: stored.created_at,
    endedAt: reply?.timestamp ?? stored.created_at,
    text: reply?.role === "assistant" ? reply.content : "",
    steps: stepsOf(messages),
    timeline: stored.timeline ?? [],
    offers: stored.offers ?? null,
    metadata,
    error: stored.error ?? null,
  };
}

/** A turn that waits or runs, out of the history. */
export function fromOpen(open, sessionId) {
  const { workflow_instance_id: id, message, accepted_at: acceptedAt, queue_position: queuePosition } = open;
  const turn = newTurn({ message, sessionId, id, acceptedAt, state: queuePosition ? "queued" : "running" });
  return { ...turn, queuePosition };
}

function stepsOf(messages) {
  const steps = [];
  for (const message of messages) {
    if (message.role === "assistant") {
      const calls = (message.tool_calls ?? []).map((call) => ({ ...call, result: null }));
      steps.push({ n: steps.length + 1, text: message.content ?? "", calls });
    } else if (message.role === "tool") {
      const call = steps.at(-1)?.calls.find((one) => one.id === message.tool_call_id);
      if (call) call.result = parsed(message.content);
    }
  }
  return steps;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
