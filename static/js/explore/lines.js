// What the chart draws of an answer: each series, its band, and the previous period behind it.

import { gapsOf, movedTo, valuesAt } from "./series.js";

const NONE = new Set();

/**
 * Lines in drawing order: {values, series (its number), role, scale, unit, gaps, partial, metric,
 * aggregation}.
 */
export function linesOf(answer, previous, instants) {
  return answer.series.flatMap((series, i) => {
    const line = (role, values, more = {}) => ({
      ...{ series: i, role, values, gaps: [], partial: NONE, unit: series.unit, scale: scaleOf(series) },
      ...{ metric: series.metric, aggregation: series.aggregation, ...more },
    });
    const edges = (answer.bands[i] ?? []).map((edge) => valuesAt(edge, instants));
    const before = previous?.series[i];
    const shift = previous ? answer.from - previous.from : 0;
    return [
      ...edges.map((values, k) => line(k === 0 ? "low" : "high", values)),
      ...(before ? [line("previous", movedTo(before, instants, shift))] : []),
      line("main", valuesAt(series, instants), { gaps: gapsOf(series), partial: series.partial }),
    ];
  });
}

/** What shares an axis: readings of one unit do, and amounts that grow with the width of a bucket do. */
function scaleOf({ unit, aggregation }) {
  const kind = /^(sum|count|rate)$/.test(aggregation) ? aggregation : "points";
  return `y ${kind} ${unit}`;
}
