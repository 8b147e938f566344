// What the service says of a session, joined with what this page has seen itself. Pure.

import { fromHistory, fromOpen, isOver } from "./turn.js";

/**
 * The turns to show after a page of history: `page` is the answer of the service, `local` what is shown now.
 * A turn seen to its end here stays as it is, and so does one that the service had not accepted yet when it answered:
 * `fresh(turn)` is true for those.
 */
export function merged(local, page, fresh = () => false) {
  const id = page.session_id;
  const known = new Map(local.filter((turn) => turn.id).map((turn) => [turn.id, turn]));
  const told = [
    ...page.turns.map((stored) => ended(known.get(stored.workflow_instance_id), stored, id)),
    ...(page.open ?? []).map((open) => waiting(known.get(open.workflow_instance_id), open, id)),
  ];
  const ids = new Set(told.map((turn) => turn.id));
  const first = local.findIndex((turn) => ids.has(turn.id));
  const before = page.next === null ? [] : local.slice(0, Math.max(first, 0));
  const after = local.filter((turn) => !ids.has(turn.id) && !before.includes(turn) && fresh(turn));
  return [...before, ...told, ...after];
}

/** The turns with a page of older ones in front. */
export function withOlder(local, page) {
  const known = new Set(local.map((turn) => turn.id));
  const older = page.turns.filter((stored) => !known.has(stored.workflow_instance_id));
  return [...older.map((stored) => fromHistory(stored, page.session_id)), ...local];
}

/** True when the page's latest turns are those of the service. `page` holds at least the last turn and all open ones. */
export function upToDate(local, page) {
  const shown = local.filter((turn) => turn.id);
  const last = shown.findLast(isOver)?.id ?? null;
  const open = shown.filter((turn) => !isOver(turn)).map((turn) => turn.id);
  const told = (page.open ?? []).map((one) => one.workflow_instance_id);
  return last === (page.turns.at(-1)?.workflow_instance_id ?? null) && open.join() === told.join();
}

function ended(mine, stored, sessionId) {
  const more = (stored.timeline?.length ?? 0) > (mine?.timeline.length ?? 0);
  if (mine && isOver(mine)) return more ? { ...mine, timeline: stored.timeline } : mine;
  const told = fromHistory(stored, sessionId);
  return mine ? { ...told, key: mine.key, connection: mine.connection, restarted: mine.restarted } : told;
}

function waiting(mine, open, sessionId) {
  if (!mine) return fromOpen(open, sessionId);
  const moved = mine.state === "queued" && open.queue_position > 0;
  return moved ? { ...mine, queuePosition: open.queue_position } : mine;
}
