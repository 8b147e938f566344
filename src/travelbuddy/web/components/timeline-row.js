/* One row of the timeline. What is marked by colour is also a picture and said in words. */

import { h, icon } from "../dom.js";
import { elapsed, number, readerClock, wholeSeconds } from "../format.js";
import { argumentsOf, rawJson, resultText } from "../tool-text.js";
import { t } from "../strings.js";

const PICTURES = {
  done: "check",
  failed: "close",
  waiting: "clock",
  paused: "pause",
  cancelled: "stop",
  browser: "link-off",
};

/** The row as a list item. `start` is since when it goes on; its seconds are counted by whoever shows it. */
export function timelineRow(row, start) {
  return h(
    "li",
    { class: `step step-${row.mark}`, "aria-current": row.live ? "step" : null },
    h("span", { class: "step-mark", "aria-hidden": "true" }, PICTURES[row.mark] && icon(PICTURES[row.mark])),
    h(
      "div",
      { class: "step-body" },
      h(
        "div",
        { class: "step-head" },
        h("span", { class: "step-title", title: row.at ? readerClock(row.at) : null }, row.title),
        lengthOf(row, start),
      ),
      facts(row),
      row.heldUp >= 1000 && h("p", { class: "step-note step-warn" }, t.timeline.heldUp(elapsed(row.heldUp))),
      row.error && h("p", { class: "step-note step-bad" }, row.step ? t.timeline.failedTry(row.error) : row.error),
      row.waitedMs && h("p", { class: "step-note" }, t.timeline.waited(elapsed(row.waitedMs))),
      row.notes.map((note) => h("p", { class: "step-note" }, note)),
      row.call && callDetails(row.call),
    ),
  );
}

function lengthOf(row, start) {
  if (row.live)
    return (
      start !== null && h("span", { class: "step-time", dataset: { since: start } }, wholeSeconds(Date.now() - start))
    );
  return typeof row.ms === "number" && h("span", { class: "step-time" }, elapsed(row.ms));
}

function facts(row) {
  const { at, facts: told, tokens } = row;
  const all = [at && !row.step && readerClock(at), ...told, tokens && t.timeline.tokens(tokens, number(tokens))].filter(
    Boolean,
  );
  return all.length > 0 && h("p", { class: "step-facts" }, all.join(" · "));
}

function callDetails(call) {
  const given = argumentsOf(call);
  const result = resultText(call.result);
  return [
    h(
      "dl",
      { class: "step-arguments", "aria-label": t.timeline.arguments },
      given.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
    ),
    result && h("p", { class: call.result?.error ? "step-note step-bad" : "step-result" }, result),
    h("details", { class: "step-raw" }, h("summary", null, t.timeline.raw), h("pre", { tabIndex: 0 }, rawJson(call))),
  ];
}
