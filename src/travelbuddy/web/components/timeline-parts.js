/* What stands around the steps of a timeline: sums above, what can be done, and the instance id below. */

import { h, icon } from "../dom.js";
import { elapsed, number, wholeSeconds } from "../format.js";
import { t } from "../strings.js";

const PICTURES = { pause: "pause", resume: "play", cancel: "stop" };

/** Total time and tokens, and a bar of where the time went with its legend. */
export function sumsView({ total, tokens, parts }, over) {
  const whole = parts.reduce((sum, part) => sum + part.ms, 0);
  return [
    h(
      "p",
      { class: "timeline-total" },
      h("b", null, over ? elapsed(total) : wholeSeconds(total)),
      tokens > 0 && h("span", { class: "muted" }, t.timeline.tokens(tokens, number(tokens))),
    ),
    whole > 0 &&
      h(
        "div",
        { class: "timeline-bar", "aria-hidden": "true" },
        parts.map((part) => share(part, whole)),
      ),
    whole > 0 &&
      h("ul", { class: "timeline-legend", role: "list", "aria-label": t.timeline.whereTime }, parts.map(legendItem)),
  ];
}

function share(part, whole) {
  const node = h("span", { class: `time-${part.kind}` });
  node.style.setProperty("--share", part.ms / whole);
  return node;
}

const legendItem = (part) =>
  h(
    "li",
    null,
    h("span", { class: `swatch time-${part.kind}`, "aria-hidden": "true" }),
    t.timeline.part(t.timeline.parts[part.kind], elapsed(part.ms)),
  );

/** A button for each action, and what it does; while one is on its way (`acting`) none can be asked for. */
export function actionsView(actions, acting, onact) {
  const hint = (action) => `timeline-hint-${action}`;
  const button = (action) =>
    h(
      "button",
      {
        class: "btn",
        type: "button",
        "aria-disabled": acting ? "true" : null,
        "aria-describedby": hint(action),
        onclick: () => onact(action),
      },
      icon(PICTURES[action]),
      acting === action ? t.timeline.acting[action] : t.timeline.actions[action],
    );
  return [
    h("div", { class: "timeline-buttons" }, actions.map(button)),
    actions.map((action) => h("p", { class: "timeline-hint muted", id: hint(action) }, t.timeline.hints[action])),
  ];
}

/** The instance id with a button that copies it; `say` tells how that went. */
export function idView(id, say) {
  const code = h("code", null, id);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
      button.textContent = t.timeline.copied;
      say(t.timeline.copied);
    } catch {
      getSelection().selectAllChildren(code); // not allowed here: the traveller copies it by hand
      say(t.timeline.notCopied);
    }
  };
  const button = h(
    "button",
    { class: "btn btn-ghost", type: "button", "aria-label": t.timeline.copyId, onclick: copy },
    t.timeline.copy,
  );
  return [h("span", { class: "muted" }, t.timeline.id), code, button];
}
