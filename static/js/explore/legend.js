// The table of chosen series: colour, aggregation, what their buckets span, and where they have gaps.

import { byId, el } from "../dom.js";
import { count, plural } from "../format.js";
import { swatch, timeElement } from "./marks.js";
import { number, withUnit } from "./numbers.js";
import { extremes, gapsOf } from "./series.js";
import { AGGREGATIONS, MAX_SERIES } from "./state.js";
import { utc } from "./zone.js";

const GAPS_LISTED = 20;
const FOR_VALUES = Object.keys(AGGREGATIONS).filter((name) => name !== "rate");

/** Shows the rows; `onAggregation(i, name)`, `onDuplicate(i)` and `onRemove(i)` hear of the ith. */
export class Legend {
  constructor({ onAggregation, onDuplicate, onRemove }) {
    this.calls = { onAggregation, onDuplicate, onRemove };
    this.shape = "";
  }

  /** Show the chosen series, with their answers if there are any. */
  show(chosen, answer, zone) {
    const shape = JSON.stringify([chosen, answer?.series.map(({ type }) => type), zone]);
    if (shape !== this.shape) this.#rebuild(chosen, answer);
    this.shape = shape;
    chosen.forEach((_, i) => this.#figures(i, answer?.series[i], zone));
    byId("series-note").textContent = `${count(chosen.length)} of at most ${MAX_SERIES}`;
  }

  /** Rows are kept while nobody changed the choice: a new point must not take the focus away. */
  #rebuild(chosen, answer) {
    const focused = document.activeElement?.id ?? "";
    const rows = chosen.map((series, i) => this.#row(series, i, answer?.series[i]?.type));
    byId("series").replaceChildren(...(rows.length ? rows : [nothing()]));
    if (focused.startsWith("series-")) document.getElementById(focused)?.focus();
  }

  #row({ metric, aggregation }, i, type) {
    const cell = (name, label) =>
      el("td", { class: name === "gaps" ? false : "number", "data-label": label, "data-figure": name });
    return el(
      "tr",
      { "data-series": metric },
      el("th", { scope: "row" }, el("span", { class: "series-name" }, swatch(i), el("span", {}, metric))),
      el("td", { "data-label": "Aggregation" }, this.#choice(metric, aggregation, i, type)),
      cell("latest", "Latest"),
      cell("lowest", "Lowest"),
      cell("highest", "Highest"),
      cell("gaps", "Gaps"),
      el("td", {}, this.#actions(metric, aggregation, i)),
    );
  }

  #choice(metric, aggregation, i, type) {
    const offered = type === "value" ? FOR_VALUES : Object.keys(AGGREGATIONS);
    // A link may ask for a percentile that is not among them, or not say which it wants.
    const names = offered.includes(aggregation) ? offered : [aggregation, ...offered];
    const label = `Aggregation of ${metric}`;
    const select = el("select", {
      class: "input input-short",
      id: `series-${i}-aggregation`,
      "aria-label": label,
    });
    select.append(...names.map((name) => new Option(AGGREGATIONS[name] ?? (name || "Usual"), name)));
    select.value = aggregation;
    select.addEventListener("change", () => this.calls.onAggregation(i, select.value));
    return select;
  }

  #actions(metric, aggregation, i) {
    const button = (id, text, label, onclick) =>
      el("button", { class: "button button-small", type: "button", id, "aria-label": label, onclick }, text);
    const what = `${metric}, ${AGGREGATIONS[aggregation] ?? aggregation}`;
    return el(
      "div",
      { class: "row" },
      button(`series-${i}-duplicate`, "Duplicate", `Duplicate ${metric} by another aggregation`, () =>
        this.calls.onDuplicate(i),
      ),
      button(`series-${i}-remove`, "Remove", `Remove ${what}`, () => this.calls.onRemove(i)),
    );
  }

  #figures(i, series, zone) {
    const place = (name) => byId("series").children[i].querySelector(`[data-figure="${name}"]`);
    if (!series) return;
    const { latest, lowest, highest } = extremes(series);
    place("latest").replaceChildren(latest ? valueAndTime(latest, series.unit, zone) : "no points");
    place("lowest").textContent = number(lowest);
    place("highest").textContent = number(highest);
    const gaps = gapsOf(series);
    const shape = JSON.stringify(gaps);
    // An opened list stays open until it changes.
    if (place("gaps").dataset.shown === shape) return;
    place("gaps").dataset.shown = shape;
    place("gaps").replaceChildren(gapList(gaps, zone));
  }
}

function nothing() {
  return el("tr", {}, el("td", { colspan: 7, class: "quiet" }, "None chosen: tick a metric in the list."));
}

function valueAndTime({ at, value }, unit, zone) {
  const time = timeElement(at, zone);
  time.classList.add("quiet", "small");
  return el("span", { title: utc(at) }, withUnit(value, unit), el("br"), time);
}

function gapList(gaps, zone) {
  if (gaps.length === 0) return el("span", { class: "quiet" }, "none");
  const listed = gaps.slice(-GAPS_LISTED).reverse();
  const items = listed.map(({ from, to }) =>
    el(
      "li",
      { "data-gap-from": from, "data-gap-to": to },
      timeElement(from, zone),
      " to ",
      timeElement(to, zone),
    ),
  );
  if (gaps.length > listed.length)
    items.push(el("li", {}, `and ${count(gaps.length - listed.length)} before`));
  return el(
    "details",
    { class: "more" },
    el("summary", {}, plural(gaps.length, "gap")),
    el("ul", { class: "gap-list" }, items),
  );
}
