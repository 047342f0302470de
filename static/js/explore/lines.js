// What the chart draws of an answer: each series, its band, and the previous period behind it.

import { movedTo, valuesAt } from "./series.js";

const NONE = new Set();

/** Lines in drawing order: {values, series (its number), role, unit, gaps, partial, metric, aggregation}. */
export function linesOf(answer, previous, instants) {
  return answer.series.flatMap((series, i) => {
    const line = (role, values, more = {}) => ({
      ...{ series: i, role, values, gaps: [], partial: NONE, unit: series.unit },
      ...{ metric: series.metric, aggregation: series.aggregation, ...more },
    });
    const edges = (answer.bands[i] ?? []).map((edge) => valuesAt(edge, instants));
    const before = previous?.series[i];
    const shift = previous ? answer.from - previous.from : 0;
    return [
      ...edges.map((values, k) => line(k === 0 ? "low" : "high", values)),
      ...(before ? [line("previous", movedTo(before, instants, shift))] : []),
      line("main", valuesAt(series, instants), { gaps: series.gaps, partial: series.partial }),
    ];
  });
}
