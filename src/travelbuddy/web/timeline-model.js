/* A turn as rows of its timeline: pure functions of the turn and of what this page saw of it. No DOM.

   A row is { key, mark, title, facts, notes, at?, ms?, tokens?, error?, heldUp?, waitedMs?, call?, live?, since? };
   a `live` one still goes on, as far as can be told since `since`.
   Marks: done, failed, running, waiting, paused, cancelled, browser (only this page's view). */

import { t } from "./strings.js";

export const OVER = ["answered", "failed", "interrupted", "cancelled"];
const MODEL = "call_model";
const WORTH_TELLING = 1_000;
const A_WAIT = 100; // between two tries
const USING_TOOLS = "using tools";
const KNOWN = new Set(["asking the model", USING_TOOLS]);
const BACK_OFF = /^waiting for (the model|the store|another try)/;
const END_MARKS = { answered: "done", failed: "failed", interrupted: "cancelled", cancelled: "cancelled" };

export const isOver = (turn) => OVER.includes(turn.state);

/** An instant in ms, from ms or ISO text; null for neither. */
export function instant(value) {
  const at = typeof value === "number" ? value : Date.parse(value ?? "");
  return Number.isFinite(at) ? at : null;
}

const row = (key, mark, title, rest = {}) => ({ key, mark, title, facts: [], notes: [], ...rest });

/** When the service let the turn in: by the service's clock where that can be told, which the steps are told in. */
export function acceptedAt(turn) {
  const [took, ended] = [turn.metadata?.processing_time, instant(turn.endedAt)];
  return typeof took === "number" && ended !== null ? ended - took * 1000 : instant(turn.acceptedAt);
}

/** All rows, in the order of time. `log` is what `observed` noted. */
export function rowsOf(turn, log = []) {
  const finished = finishedRows(turn);
  const past = [...finished, ...seenRows(turn, log)].sort((a, b) => a.at - b.at);
  return [...beginning(turn, log, finished[0]), ...past, ...underWay(turn, finished), ...ending(turn, finished)];
}

function beginning(turn, log, first) {
  const at = acceptedAt(turn);
  if (turn.state === "sending") return [row("sending", "running", t.timeline.sending, { since: at, live: true })];
  const rows = [row("accepted", "done", t.timeline.accepted, { at })];
  const waited = first && at !== null ? first.at - at - (first.heldUp ?? 0) : 0;
  const queued = isOver(turn) || log.some((one) => one.kind === "queued");
  if (queued && waited >= WORTH_TELLING) rows.push(row("queue", "waiting", t.timeline.wasInLine, { at, ms: waited }));
  return rows;
}

/** The steps that ended: calls of the model and of tools, each with what it was held up, and pauses between them. */
function finishedRows(turn) {
  const rows = [];
  let [n, used, end] = [1, new Set(), null];
  for (const [i, step] of (turn.timeline ?? []).entries()) {
    const at = instant(step.started_at) ?? 0;
    const model = step.name === MODEL;
    const before = rows.at(-1);
    if (model && before && !(before.step.name === MODEL && before.step.error)) [n, used] = [n + 1, new Set()];
    const idle = end === null ? 0 : at - end - (step.held_up_ms ?? 0);
    if (idle >= A_WAIT && before.step.error && model) before.waitedMs = idle;
    else if (idle >= WORTH_TELLING)
      rows.push(
        row(`still-${i}`, "waiting", t.timeline.stoodStill, {
          at: end,
          ms: idle,
          notes: [t.timeline.stoodStillWhy],
          step: before.step,
        }),
      );
    rows.push(model ? modelRow(step, n, at, i) : toolRow(step, callOf(turn, n, step.name, used), at, i));
    end = Math.max(end ?? 0, at + step.duration_ms);
  }
  return rows;
}

function stepRow(step, key, title, at, rest) {
  return row(key, step.error ? "failed" : "done", title, {
    at,
    ms: step.duration_ms,
    facts: triesOf(step.attempt),
    error: step.error ?? null,
    heldUp: step.held_up_ms ?? null,
    step,
    ...rest,
  });
}

const triesOf = (attempt) => (attempt > 1 ? [t.timeline.attempt(attempt)] : []);

const modelRow = (step, n, at, i) =>
  stepRow(step, `step-${i}`, t.timeline.model(n), at, { n, tokens: step.tokens ?? null });

function toolRow(step, call, at, i) {
  const done = stepRow(step, call ? `call-${call.id}` : `step-${i}`, toolTitle(step.name, 0), at, { call });
  return step.error ? done : { ...done, mark: markOf(call) };
}

const toolTitle = (name, running) =>
  Object.hasOwn(t.timeline.tools, name)
    ? t.timeline.tools[name][running]
    : running
      ? t.timeline.toolRunning(name)
      : t.timeline.tool(name);

/** The next call of this tool that the n-th answer of the model asked for. */
function callOf(turn, n, name, used) {
  const call = (turn.steps?.[n - 1]?.calls ?? []).find((one) => one.name === name && !used.has(one.id));
  if (call) used.add(call.id);
  return call ?? null;
}

/** What this page saw: the connection lost for a while, pauses, a text begun anew. */
function seenRows(turn, log) {
  const seen = turn.connection ?? [];
  const lost = seen.flatMap(({ at, kind }, i) => {
    const [from, back] = [instant(at), instant(seen[i + 1]?.at)];
    if (kind !== "lost" || (back === null && turn.state === "reconnecting")) return [];
    const ms = back === null ? undefined : back - from;
    return [row(`lost-${i}`, "browser", t.timeline.lost, { at: from, ms, notes: [t.timeline.lostWhy] })];
  });
  return [
    ...lost,
    ...log.flatMap((one, i) => loggedRow(one, `log-${i}`, turn.state === "paused" && i === log.length - 1)),
  ];
}

function loggedRow({ at, kind }, key, still) {
  if (kind === "paused" && !still) return [row(key, "paused", t.timeline.paused, { at })];
  if (kind === "resumed") return [row(key, "done", t.timeline.resumed, { at })];
  if (kind === "restarted") return [row(key, "waiting", t.timeline.saidAnew, { at, notes: [t.timeline.saidAnewWhy] })];
  return [];
}

/** What is going on now. */
function underWay(turn, finished) {
  const live = (key, mark, title, rest = {}) => row(key, mark, title, { live: true, since: null, ...rest });
  switch (turn.state) {
    case "queued":
      return [live("queued", "waiting", t.timeline.inLine(turn.queuePosition), { since: acceptedAt(turn) })];
    case "paused":
      return [
        ...workRows({ ...turn, doing: null }, finished, live).filter((one) => !one.live),
        live("paused", "paused", t.timeline.pausedNow),
      ];
    case "reconnecting": {
      const before = workRows({ ...turn, doing: null }, finished, live).map((one) => (one.live ? lastSeen(one) : one));
      const since = instant(turn.connection?.at(-1)?.at);
      const facts = typeof turn.doing === "string" && !KNOWN.has(turn.doing) ? [turn.doing] : [];
      return [
        ...before,
        live("reconnecting", "browser", t.timeline.lostNow, { since, facts, notes: [t.timeline.lostWhy] }),
      ];
    }
    case "running":
      return workRows(turn, finished, live);
    default:
      return [];
  }
}

const lastSeen = (one) => ({ ...one, mark: "waiting", live: false, facts: [...one.facts, t.timeline.lastSeen] });

function workRows(turn, finished, live) {
  const since = endOf(finished) ?? acceptedAt(turn);
  const { doing, step: n } = turn;
  const said = doing ? doing[0].toUpperCase() + doing.slice(1) : "";
  if (BACK_OFF.test(doing ?? "")) return [live(`wait-${finished.length}`, "waiting", said, { since })];
  if (doing && !KNOWN.has(doing)) return [live(`doing-${doing}`, "running", said, { since })];
  const calls = untold(turn, finished).map((call) => callRow(call, since, live));
  if (calls.some((one) => one.live) || (calls.length && doing === USING_TOOLS)) return calls;
  if (!n || doing === USING_TOOLS || finished.some((one) => one.n === n && !one.error)) {
    return [...calls, live("working", "running", t.timeline.working, { since })];
  }
  const attempt = turn.attempt ?? 1;
  const title = turn.steps?.[n - 1]?.text ? t.timeline.writing(n) : t.timeline.modelRunning(n);
  return [...calls, live(`model-${n}-${attempt}`, "running", title, { since, facts: triesOf(attempt) })];
}

/** The tools' calls that are not among the finished steps, or not yet: those are told a moment later. */
function untold(turn, finished) {
  const told = new Set(finished.map((one) => one.call?.id));
  return (turn.steps ?? []).flatMap((step) => step?.calls ?? []).filter((call) => !told.has(call.id));
}

/** Done, or failed when the tool told the model of an error. */
const markOf = (call) => (call?.result?.error ? "failed" : "done");

const known = (value) => value !== null && value !== undefined;

/** A tool's call that is not among the finished steps yet; its result may be known already. */
function callRow(call, since, live) {
  const running = !known(call.result);
  const [key, title] = [`call-${call.id}`, toolTitle(call.name, Number(running))];
  return running ? live(key, "running", title, { since, call }) : row(key, markOf(call), title, { call });
}

const endOf = (finished) => (finished.length ? Math.max(...finished.map((one) => one.at + (one.ms ?? 0))) : null);

function ending(turn, finished) {
  if (!isOver(turn)) return [];
  const error = turn.state === "answered" ? null : problemText(turn.error);
  const calls = untold(turn, finished).filter((call) => known(call.result));
  return [
    ...calls.map((call) => callRow(call)),
    row("end", END_MARKS[turn.state], t.timeline[turn.state], { at: instant(turn.endedAt), error }),
  ];
}

/** An error as people read it: a text, or a problem document's. */
export const problemText = (error) => (typeof error === "string" ? error : (error?.detail ?? error?.title ?? null));

/** What changed from one view of a turn to the next that a later view would not tell any more. */
export function observed(before, after, at) {
  if (!before) return after.state === "queued" || after.state === "paused" ? [{ kind: after.state, at }] : [];
  const noted = [];
  const was = before.state === "reconnecting" ? (before.before ?? before.state) : before.state;
  if (after.state !== was) {
    if (after.state === "queued" || after.state === "paused") noted.push({ kind: after.state, at });
    if (was === "paused" && after.state === "running") noted.push({ kind: "resumed", at });
  }
  if ((after.restarted ?? 0) > (before.restarted ?? 0)) noted.push({ kind: "restarted", at });
  return noted;
}
