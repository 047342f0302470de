// The buckets as a table, newest first: what the chart shows, for reading and for screen readers.

import { byId, el } from "../dom.js";
import { count, plural } from "../format.js";
import { downloads } from "./answers.js";
import { timeElement } from "./marks.js";
import { number } from "./numbers.js";
import { gapsOf, instantsOf, isGap, valuesAt } from "./series.js";
import { AGGREGATIONS } from "./state.js";

const FIRST_ROWS = 60;
const BY_DAY = /^(day|week|month|\d+d)$/;
const BY_SECOND = /^\d+s$/;

/** Shows the buckets of an answer. */
export class ValueTable {
  constructor() {
    this.isWhole = false;
    this.shown = null;
    byId("all-values").addEventListener("click", () => {
      this.isWhole = true;
      this.show(this.shown);
    });
  }

  /** Show {answer, state, zone}, or nothing of null; a new choice begins with the newest buckets again. */
  show(shown, { isNew = false } = {}) {
    if (isNew) this.isWhole = false;
    this.shown = shown;
    const table = byId("values");
    byId("downloads").replaceChildren(...(shown ? links(shown) : []));
    const instants = shown ? instantsOf(shown.answer) : [];
    byId("values-note").textContent = shown ? plural(instants.length, "bucket") : "";
    byId("values-foot").hidden = this.isWhole || instants.length <= FIRST_ROWS;
    byId("all-values").textContent = `Show all ${count(instants.length)} buckets`;
    if (!shown) return table.replaceChildren();
    const listed = this.isWhole ? instants : instants.slice(-FIRST_ROWS);
    return table.replaceChildren(head(shown), body(shown, listed));
  }
}

function links({ state, answer }) {
  const found = downloads(state, answer);
  return found.map(({ aggregation, href }) => {
    const name =
      found.length > 1 ? `Download CSV, ${AGGREGATIONS[aggregation] ?? aggregation}` : "Download CSV";
    return el("a", { class: "button button-small", href, download: "metrics.csv" }, name);
  });
}

function head({ answer }) {
  const columns = answer.series.map(({ metric, aggregation, unit }) => {
    const what = [AGGREGATIONS[aggregation] ?? aggregation, unit].filter(Boolean).join(", ");
    return el(
      "th",
      { scope: "col", class: "number" },
      metric,
      el("br"),
      el("span", { class: "quiet" }, what),
    );
  });
  return el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Bucket from"), columns));
}

function body({ answer, zone }, instants) {
  const columns = answer.series.map((series) => valuesAt(series, instants));
  const gaps = answer.series.map(gapsOf);
  const wanted = { dayOnly: BY_DAY.test(answer.interval), seconds: BY_SECOND.test(answer.interval) };
  const rows = instants.map((instant, i) =>
    el(
      "tr",
      { "data-at": instant },
      el("th", { scope: "row" }, timeElement(instant, zone, wanted)),
      answer.series.map((series, s) => cell(series, gaps[s], instant, columns[s][i])),
    ),
  );
  return el("tbody", {}, rows.reverse());
}

function cell(series, gaps, instant, value) {
  if (value === null) {
    const inGap = isGap(gaps, instant);
    return el("td", { class: "number quiet", "data-gap": inGap }, inGap ? "no points" : "–");
  }
  const isPartial = series.partial.has(instant);
  const note = isPartial ? el("span", { class: "quiet small" }, " in part") : null;
  return el("td", { class: "number", "data-value": String(value) }, number(value), note);
}
