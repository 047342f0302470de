// Small signs that several parts of the page share: the line of a series, and a time.

import { el, svg } from "../dom.js";
import { strokeOf } from "./chart.js";
import { readable, utc } from "./zone.js";

/** The line of the nth series as the chart draws it. */
export function swatch(n) {
  const { colour, dash } = strokeOf(n);
  const line = svg("line", { x1: 0, y1: 5, x2: 26, y2: 5, class: `series-line series-line-${colour}` });
  if (dash.length) line.setAttribute("stroke-dasharray", dash.join(" "));
  return svg(
    "svg",
    { class: "series-swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" },
    line,
  );
}

/** A time of a zone with UTC on hover; seconds show where they are not nought, unless `options` say. */
export function timeElement(epochS, zone, options = {}) {
  const iso = new Date(epochS * 1000).toISOString();
  const time = el("time", { datetime: iso, title: utc(epochS), "data-localized": true });
  time.textContent = readable(epochS, zone, { seconds: epochS % 60 !== 0, ...options });
  return time;
}
