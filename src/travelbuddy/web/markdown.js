// A reply's Markdown as DOM nodes: paragraphs, headings, lists, tables, code, bold, italic, links to http(s).
// Whatever is none of these, HTML included, stays the text it is: nodes are built, nothing is parsed as HTML.

import { fill, h } from "./dom.js";

const FENCE = /^\s*(```|~~~)/;
const ITEM = /^(\s*)(?:([-*+•])|(\d{1,9})[.)])\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const TABLE_RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;

/** The text as nodes. */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  while (lines.length) {
    if (!lines[0].trim()) lines.shift();
    else blocks.push(block(lines));
  }
  return blocks;
}

function block(lines) {
  if (FENCE.test(lines[0])) return fence(lines);
  if (HEADING.test(lines[0])) return h("p", { class: "md-heading" }, inline(HEADING.exec(lines.shift())[1]));
  if (ITEM.test(lines[0])) return list(lines);
  if (isTable(lines)) return table(lines);
  return paragraph(lines);
}

function fence(lines) {
  const mark = FENCE.exec(lines.shift())[1];
  const code = [];
  while (lines.length && !lines[0].trim().startsWith(mark)) code.push(lines.shift());
  lines.shift();
  return h("pre", { tabIndex: 0 }, h("code", null, code.join("\n")));
}

function paragraph(lines) {
  const said = [lines.shift()];
  while (lines.length && lines[0].trim() && !FENCE.test(lines[0]) && !HEADING.test(lines[0]) && !ITEM.test(lines[0])) {
    said.push(lines.shift());
  }
  return h("p", null, said.flatMap((line, i) => (i ? [h("br"), ...inline(line.trim())] : inline(line.trim()))));
}

/** A list with the lists inside its items; a line that is indented belongs to the item above it. */
function list(lines) {
  const [, indent, bullet, number] = ITEM.exec(lines[0]);
  const items = [];
  while (lines.length) {
    const item = ITEM.exec(lines[0]);
    const depth = item ? item[1].length : -1;
    if (item && depth < indent.length) break;
    if (item && depth >= indent.length + 2 && items.length) items.at(-1).append(list(lines));
    else if (item && !item[2] === !bullet) items.push(h("li", null, inline(lines.shift() && item[4])));
    else if (!item && /^\s{2,}\S/.test(lines[0]) && items.length) items.at(-1).append(h("br"), ...inline(lines.shift().trim()));
    else if (!lines[0].trim() && ITEM.test(lines[1] ?? "") && !ITEM.exec(lines[1])[2] === !bullet) lines.shift();
    else break;
  }
  return bullet ? h("ul", null, items) : h("ol", { start: Number(number) }, items);
}

function isTable(lines) {
  return lines.length > 1 && lines[0].includes("|") && TABLE_RULE.test(lines[1]) && lines[1].includes("-");
}

function table(lines) {
  const head = cells(lines.shift());
  lines.shift();
  const rows = [];
  while (lines.length && lines[0].includes("|")) rows.push(cells(lines.shift()));
  const row = (tag) => (texts) => h("tr", null, texts.map((text) => h(tag, null, inline(text))));
  return h(
    "div",
    { class: "md-table", tabIndex: 0 },
    h("table", null, h("thead", null, row("th")(head)), h("tbody", null, rows.map(row("td")))),
  );
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

// The marks inside a line, tried where one may begin; a lone one is text. All are bounded: no text makes them slow.
const BEGINS = /[`[*_]|https?:\/\//gi;
const DEEPEST = 4;
const MARKS = [
  [/`([^`]{1,500})`/y, ([, code]) => h("code", null, code)],
  [/\[([^\]]{1,300})\]\((https?:\/\/[^\s()<>]{1,2000})\)/iy, ([, text, url], depth) => link(url, inline(text, depth))],
  [/\*\*(?=[^\s*])(.{0,1000}?[^\s*])\*\*(?!\*)/y, ([, text], depth) => h("strong", null, inline(text, depth))],
  [/(?<!\w)__(?=\S)(.{1,1000}?)__(?!\w)/y, ([, text], depth) => h("strong", null, inline(text, depth))],
  [/(?<!\*)\*(?=[^\s*])([^*]{0,1000}[^\s*])\*(?!\*)/y, ([, text], depth) => h("em", null, inline(text, depth))],
  [/(?<!\w)_(?=[^\s_])([^_]{0,1000}[^\s_])_(?!\w)/y, ([, text], depth) => h("em", null, inline(text, depth))],
  [/https?:\/\/[^\s<>()"'\]]{0,2000}[^\s<>()"'\].,;:!?]/iy, ([url]) => link(url, [url])],
];

/** A line's text as nodes. */
export function inline(text, depth = 0) {
  const nodes = [];
  let done = 0;
  for (const { index } of depth < DEEPEST ? text.matchAll(BEGINS) : []) {
    const mark = index >= done && markAt(text, index, depth + 1);
    if (!mark) continue;
    nodes.push(text.slice(done, index), mark.node);
    done = mark.end;
  }
  return [...nodes, text.slice(done)].filter((node) => node !== "");
}

function markAt(text, index, depth) {
  for (const [pattern, build] of MARKS) {
    pattern.lastIndex = index;
    const found = pattern.exec(text);
    if (found) return { node: build(found, depth), end: index + found[0].length };
  }
  return null;
}

function link(url, label) {
  const safe = /^https?:\/\//i.test(url);
  return safe ? fill(h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }), ...label) : label;
}
