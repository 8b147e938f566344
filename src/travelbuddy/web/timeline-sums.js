/* What a turn took: its time, split into what it went into, and its tokens. */

import { acceptedAt, instant } from "./timeline-model.js";

const KIND_OF = { "asking the model": "call_model", "using tools": "tools" };

/** The finished steps, and the one under way as far as it has come. */
function stepsOf(turn, start, now) {
  const steps = (turn.timeline ?? []).map((step) => ({ ...step, at: instant(step.started_at) ?? 0 }));
  const name = turn.state === "running" && KIND_OF[turn.doing];
  const since = steps.length ? Math.max(...steps.map((step) => step.at + step.duration_ms)) : start;
  return name && since !== null && since < now ? [...steps, { name, at: since, duration_ms: now - since }] : steps;
}

/** `{total, tokens, parts: [{kind: "model"|"tools"|"waiting", ms}]}` at `now`; parts without time are left out. */
export function sumsOf(turn, now) {
  const start = acceptedAt(turn);
  const steps = stepsOf(turn, start, now);
  const end = instant(turn.endedAt) ?? now;
  const spans = (model) =>
    steps.filter((step) => (step.name === "call_model") === model).map((step) => [step.at, step.at + step.duration_ms]);
  const [model, tools] = [covered(spans(true)), covered(spans(false))];
  const known = covered([...spans(true), ...spans(false)]);
  const total = start === null ? known : Math.max(end - start, known);
  const parts = [
    ["model", model],
    ["tools", tools],
    ["waiting", total - known],
  ];
  return {
    total,
    tokens: turn.metadata?.tokens_used || steps.reduce((sum, step) => sum + (step.tokens ?? 0), 0),
    parts: steps.length ? parts.map(([kind, ms]) => ({ kind, ms })).filter((part) => part.ms > 0) : [],
  };
}

/** How long at least one of the spans went on: what ran side by side counts once. */
function covered(spans) {
  let [sum, reached] = [0, -Infinity];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return sum;
}
