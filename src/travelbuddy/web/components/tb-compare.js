/* <tb-compare>: up to three offers side by side in a dialog; what differs first, what does not after it. */

import { comparison } from "../compare-model.js";
import { fill, h } from "../dom.js";
import { codesText } from "../offers-text.js";
import { t } from "../strings.js";

class Compare extends HTMLElement {
  /** Open over the page with these offers (of offers-model.js); it removes itself when it is closed. */
  show(offers) {
    const title = t.compare.title(offers.length);
    const dialog = h(
      "dialog",
      { class: "compare", "aria-label": title, onclose: () => this.remove() },
      h(
        "div",
        { class: "compare-head" },
        h("h3", null, title),
        h("button", { class: "btn", type: "button", onclick: () => dialog.close() }, t.compare.close),
      ),
      table(offers),
    );
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    fill(this, dialog);
    dialog.showModal();
  }
}

/** Roles are spelled out, because on a phone the table is laid out as a grid and would else lose them. */
function table(offers) {
  const { differs, same } = comparison(offers);
  const columns = offers.map((offer) =>
    h(
      "th",
      { scope: "col", role: "columnheader" },
      offer.carriers[0] ?? t.card.unknownCarrier,
      h("small", null, codesText(offer)),
    ),
  );
  const node = h(
    "table",
    { class: "compare-table", role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("td", { role: "cell" }), columns)),
    group(t.compare.differs, differs, "compare-differs", offers.length),
    group(
      t.compare.same,
      same.map((row) => ({ ...row, cells: [row.cells[0]] })),
      "compare-same",
      offers.length,
    ),
  );
  node.style.setProperty("--offers", offers.length);
  return node;
}

/** Rows of one kind under their title; a row with a single cell says it for all offers. */
function group(title, rows, name, n) {
  if (!rows.length) return null;
  const cell =
    (span) =>
    ({ text, note, best }) =>
      h(
        "td",
        { role: "cell", colSpan: span, class: best ? "compare-best" : null },
        text,
        note && h("small", null, note),
      );
  return h(
    "tbody",
    { class: name, role: "rowgroup" },
    h(
      "tr",
      { role: "row", class: "compare-title" },
      h("th", { role: "rowheader", scope: "rowgroup", colSpan: n + 1 }, title),
    ),
    rows.map(({ name: row, cells }) =>
      h(
        "tr",
        { role: "row" },
        h("th", { scope: "row", role: "rowheader" }, row),
        cells.map(cell(cells.length === 1 ? n : 1)),
      ),
    ),
  );
}

customElements.define("tb-compare", Compare);
