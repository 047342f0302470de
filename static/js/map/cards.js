// What the map says in words: legend, hover card, panel of the chosen cell, table of the top cells.

import { el, svg } from "../dom.js";
import { count, decimal, plural } from "../format.js";

const HOVER_CATEGORIES = 6;
export const TOP_CELLS = 20;
const TITLES = {
  count: "Events per cell",
  mean: "Mean value per cell",
  forecast: "Expected events per cell",
};

/** Fill the legend with the classes of a measure. */
export function showLegend(place, entries, { measure, hasSuppressed }) {
  const number = measure === "count" ? count : decimal;
  place.hidden = entries.length === 0;
  const rows = entries.map((entry) =>
    el(
      "li",
      {},
      svg(
        "svg",
        { viewBox: "0 0 16 12", "aria-hidden": "true" },
        svg("rect", { width: 16, height: 12, rx: 2, fill: entry.colour }),
      ),
      entry.low === entry.high ? number(entry.low) : `${number(entry.low)} to ${number(entry.high)}`,
      el("span", { class: "quiet" }, plural(entry.cells, "cell")),
    ),
  );
  const note = hasSuppressed ? el("p", { class: "quiet" }, "Small counts are withheld.") : null;
  place.replaceChildren(el("strong", {}, TITLES[measure]), el("ol", {}, rows), ...(note ? [note] : []));
}

/** The content of the hover card. */
export function hoverContent(row) {
  if (row.expected) return forecastContent(row);
  const shown = row.categories.slice(0, HOVER_CATEGORIES);
  const rest = row.categories.length - shown.length;
  return [
    el("p", { class: "big num" }, plural(row.count, "event")),
    row.value ? el("p", { class: "quiet" }, valueText(row.value)) : null,
    el(
      "dl",
      { class: "bars" },
      shown.flatMap(([name, n]) => [el("dt", {}, name), el("dd", {}, count(n))]),
    ),
    rest > 0 ? el("p", { class: "quiet" }, `and ${plural(rest, "more category", "more categories")}`) : null,
    el("p", { class: "quiet mono" }, row.cell),
  ].filter(Boolean);
}

function forecastContent({ cell, expected }) {
  return [
    el("p", { class: "big num" }, `${decimal(expected.expected)} expected`),
    el("p", { class: "quiet" }, `80 % interval ${decimal(expected.lower)} to ${decimal(expected.upper)}`),
    el("p", { class: "quiet" }, `Baseline ${decimal(expected.baseline)}, rank ${count(expected.rank)}`),
    el("p", { class: "quiet mono" }, cell),
  ];
}

function valueText(value) {
  const interval = value.ci
    ? `, ${100 * value.ci.level} % interval ${decimal(value.ci.lower)} to ${decimal(value.ci.upper)}`
    : "";
  return `Mean value ${decimal(value.mean)}${interval} (n = ${count(value.n)})`;
}

/** Fill the table of the cells with the most events, at most TOP_CELLS; `onChoose(cell)` when one is picked. */
export function showTop(body, rows, onChoose) {
  const top = rows.map((row) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        el(
          "button",
          { type: "button", class: "link-button mono", onclick: () => onChoose(row.cell) },
          row.cell,
        ),
      ),
      el("td", { class: "number" }, count(row.count)),
    ),
  );
  body.replaceChildren(
    ...(top.length ? top : [el("tr", {}, el("td", { colspan: 2, class: "quiet" }, "No cells in view."))]),
  );
}

/** Place the hover card beside the pointer, within its stage. */
export function placeHover(card, point, stage) {
  card.hidden = false;
  const x =
    point.x + 18 + card.offsetWidth > stage.clientWidth ? point.x - card.offsetWidth - 14 : point.x + 18;
  const y = Math.min(Math.max(8, point.y - 20), stage.clientHeight - card.offsetHeight - 8);
  card.style.transform = `translate(${Math.max(4, x)}px, ${y}px)`;
}

/** Fill the panel with the API's facts about one cell. */
export function showPanel(panel, facts, { onClose, onChoose }) {
  panel.replaceChildren(
    panelHead(facts.h3, onClose),
    el(
      "dl",
      { class: "figures" },
      figure("Events", count(facts.count)),
      figure("Rank in view", facts.rank ? count(facts.rank) : "–"),
    ),
    ...valueSection(facts.value),
    ...monthsSection(facts.months),
    ...meterSection("By category", facts.categories),
    ...meterSection("By label", facts.labels),
    ...cellSection("Neighbours", facts.neighbours, onChoose),
    ...cellSection("Cells within", facts.children, onChoose),
  );
  panel.hidden = false;
}

/** Show the panel with the reason why there are no facts. */
export function panelHead(cell, onClose) {
  const close = el("button", { type: "button", class: "button button-small", onclick: onClose }, "Close");
  return el(
    "header",
    {},
    el("div", {}, el("p", { class: "quiet small" }, "Cell"), el("h2", {}, cell)),
    close,
  );
}

function figure(name, text) {
  return el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, text));
}

function valueSection(value) {
  return value ? [el("h3", {}, "Value"), el("p", {}, valueText(value))] : [];
}

function monthsSection(months) {
  if (!months?.length) return [];
  const highest = Math.max(1, ...months.map((entry) => entry.count ?? 0));
  const bars = months.map(({ month, count: n }, i) => {
    const height = (54 * (n ?? 0)) / highest;
    const bar = { x: i + 0.1, width: 0.8, y: 56 - height, height };
    return svg("rect", bar, svg("title", {}, `${month}: ${n === null ? "withheld" : count(n)}`));
  });
  const chart = svg(
    "svg",
    {
      viewBox: `0 0 ${months.length} 56`,
      preserveAspectRatio: "none",
      class: "spark",
      role: "img",
      "aria-label": trendText(months),
    },
    ...bars,
  );
  const ends = el(
    "p",
    { class: "row small quiet" },
    months[0].month,
    months.length > 1 ? ` to ${months.at(-1).month}` : "",
  );
  return [el("h3", {}, "By month"), chart, ends];
}

function trendText(months) {
  const peak = months.reduce((best, entry) => ((entry.count ?? 0) > (best.count ?? 0) ? entry : best));
  return `Events by month, ${months[0].month} to ${months.at(-1).month}; most in ${peak.month}: ${count(peak.count)}`;
}

function meterSection(title, entries) {
  if (!entries?.length) return [];
  const highest = Math.max(1, ...entries.map(([, n]) => n));
  const rows = entries.map(([name, n]) =>
    el(
      "li",
      {},
      el("div", { class: "line" }, el("span", {}, name), el("span", {}, count(n))),
      el("progress", { value: n, max: highest, "aria-hidden": "true" }),
    ),
  );
  return [el("h3", {}, title), el("ul", { class: "meter-list" }, rows)];
}

function cellSection(title, cells, onChoose) {
  if (!cells?.length) return [];
  const buttons = cells.map(({ h3, count: n }) =>
    el(
      "button",
      {
        type: "button",
        class: "button button-small",
        title: h3,
        "aria-label": `Cell ${h3}, ${plural(n ?? 0, "event")}`,
        onclick: () => onChoose(h3),
      },
      n === null || n === undefined ? "withheld" : count(n),
    ),
  );
  return [el("h3", {}, title), el("div", { class: "cell-links" }, buttons)];
}
