// The card at the cursor, and the same in words for whoever moves it by keys.

import { byId, el } from "../dom.js";
import { swatch } from "./marks.js";
import { number, withUnit } from "./numbers.js";
import { isGap } from "./series.js";
import { AGGREGATIONS } from "./state.js";
import { readable, utc } from "./zone.js";

const DISTANCE_PX = 14;

/** Shows what one bucket holds. */
export class Hover {
  constructor() {
    this.view = null;
  }

  /** Take over what is drawn: {x, lines, zone, interval}, or null. */
  watch(view) {
    this.view = view;
    if (!view) byId("hover").hidden = true;
  }

  /** Show the bucket of an index at a place in the frame; null hides the card. */
  show(index, box) {
    const card = byId("hover");
    const at = this.view?.x[index];
    card.hidden = index === null || at === undefined;
    if (card.hidden) return;
    const facts = this.#facts(index, at);
    card.replaceChildren(
      el("p", { class: "hover-time" }, readable(at, this.view.zone, { seconds: at % 60 !== 0 })),
      el("p", { class: "quiet small" }, utc(at)),
      el("ul", {}, facts.map(row)),
    );
    place(card, box);
    if (document.activeElement === byId("chart"))
      byId("readout").textContent = inWords(at, facts, this.view.zone);
  }

  #facts(index, at) {
    const { lines } = this.view;
    return lines
      .filter(({ role }) => role === "main")
      .map((line) => {
        const of = (role) => lines.find((other) => other.series === line.series && other.role === role);
        const value = line.values[index];
        const missing = isGap(line.gaps, at) ? "no points" : "–";
        return {
          ...line,
          text: value === null ? missing : withUnit(value, line.unit),
          band: bandText(of("low")?.values[index], of("high")?.values[index]),
          previous: of("previous") ? number(of("previous").values[index]) : "",
          isPartial: value !== null && line.partial.has(at),
        };
      });
  }
}

function bandText(low, high) {
  return low === undefined || low === null ? "" : `${number(low)} to ${number(high)}`;
}

function row({ series, metric, aggregation, text, band, previous, isPartial }) {
  const more = [];
  if (band) more.push(`p5 to p95: ${band}`);
  if (previous) more.push(`period before: ${previous}`);
  if (isPartial) more.push("in part");
  return el(
    "li",
    {},
    el("span", { class: "hover-line" }, swatch(series), el("strong", {}, text)),
    el("span", { class: "quiet small" }, `${metric}, ${AGGREGATIONS[aggregation] ?? aggregation}`),
    more.length ? el("span", { class: "quiet small" }, more.join(" · ")) : null,
  );
}

function inWords(at, facts, zone) {
  const values = facts.map(
    ({ metric, text, isPartial }) => `${metric} ${text}${isPartial ? " in part" : ""}`,
  );
  return `${readable(at, zone, { seconds: at % 60 !== 0 })}: ${values.join(", ")}`;
}

/** Beside the cursor, on the side that has room. */
function place(card, { x, y }) {
  const frame = card.parentElement;
  const isRight = x + DISTANCE_PX + card.offsetWidth <= frame.clientWidth;
  const left = isRight ? x + DISTANCE_PX : Math.max(x - DISTANCE_PX - card.offsetWidth, 0);
  card.style.transform = `translate(${Math.round(left)}px, ${Math.round(y + DISTANCE_PX)}px)`;
}
