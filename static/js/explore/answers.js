// The API's answers as the explorer uses them.

import { call } from "../problems.js";
import { rfc3339, zoneOf } from "./state.js";

const API = "/api/v1/metrics";
const PAGE_SIZE = 50;
const MAX_POINTS = 500;
const BAND = ["p5", "p95"];
const LONGEST_ADDRESS = 6000;

// A band is of the points themselves: sums, counts and rates are figures of another kind.
const OF_POINTS = /^(avg|min|max|first|last|p[\d.]+)$/;

/** A page of the list: {results, next}; `by` is search, prefix or match, `next` a page's own address. */
export function fetchMetrics({ by = "search", text = "", next = "", signal } = {}) {
  if (next) {
    const address = new URL(next, location.href);
    return call(address.pathname + address.search, { signal });
  }
  const query = new URLSearchParams({ page_size: PAGE_SIZE });
  if (text) query.set(by, text);
  return call(`${API}?${query}`, { signal });
}

/**
 * The buckets of every chosen series: {from, to, interval, series[], bands[]}, ordered as `state.series`.
 *
 * `window` is {from, to} as the API takes them, `to` empty for now; one request goes out per aggregation.
 */
export async function fetchWindow(state, window, { interval = state.interval, signal } = {}) {
  const groups = groupsOf(state.series);
  const [bodies, bands] = await Promise.all([
    Promise.all(groups.map((group) => query(state, group, window, interval, signal))),
    fetchBands(state, window, interval, signal),
  ]);
  const series = state.series.map(({ metric }, place) => {
    const g = groups.findIndex(({ places }) => places.includes(place));
    return pick(bodies[g], metric, groups[g].metrics);
  });
  const last = bodies.reduce((a, b) => (instant(b.to) > instant(a.to) ? b : a));
  return {
    from: instant(bodies[0].from),
    to: instant(last.to),
    interval: bodies[0].interval,
    series: series.map(ofAnswer),
    bands: state.series.map((_, i) => bands.get(i) ?? null),
  };
}

/** Series of one aggregation together: {aggregations, metrics, places in `series`}. */
function groupsOf(series) {
  const groups = new Map();
  series.forEach(({ metric, aggregation }, place) => {
    const group = groups.get(aggregation) ?? {
      aggregations: aggregation ? [aggregation] : [],
      metrics: [],
      places: [],
    };
    if (!group.metrics.includes(metric)) group.metrics.push(metric);
    group.places.push(place);
    groups.set(aggregation, group);
  });
  return [...groups.values()];
}

/** Lower and upper edge of each banded series, by its place. */
async function fetchBands(state, window, interval, signal) {
  const places = [...state.series.keys()].filter((i) => state.band && hasBand(state.series[i].aggregation));
  const metrics = [...new Set(places.map((i) => state.series[i].metric))];
  if (metrics.length === 0) return new Map();
  const body = await query(state, { aggregations: BAND, metrics }, window, interval, signal);
  const edges = (metric) => BAND.map((edge) => pick(body, metric, metrics, edge));
  return new Map(places.map((i) => [i, edges(state.series[i].metric).map(ofAnswer)]));
}

/** The series of a metric in an answer; a key in another form is answered as one not named. */
function pick(body, metric, metrics, aggregation = "") {
  const fitting = body.series.filter((series) => !aggregation || series.aggregation === aggregation);
  return (
    fitting.find((series) => series.metric === metric) ??
    fitting.find((series) => !metrics.includes(series.metric))
  );
}

/** Tell whether a band of points makes sense beside an aggregation. */
export function hasBand(aggregation) {
  return OF_POINTS.test(aggregation);
}

function query(state, { aggregations, metrics }, { from, to }, interval, signal) {
  const fields = {
    metric: metrics,
    aggregation: aggregations,
    from,
    to,
    interval,
    max_points: MAX_POINTS,
    zone: zoneOf(state),
    fill: "null",
    gaps: true,
    times: "epoch_s",
  };
  const address = `${API}/query?${parametersOf(fields)}`;
  if (address.length <= LONGEST_ADDRESS) return call(address, { signal });
  return call(`${API}/query`, { method: "POST", json: withoutEmpty(fields), signal });
}

function withoutEmpty(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "" && value.length !== 0));
}

function parametersOf(fields) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(withoutEmpty(fields)))
    for (const one of [value].flat()) query.append(name, one);
  return query;
}

/** Addresses of the same buckets as CSV, one per aggregation: [{aggregation, href}]. */
export function downloads(state, { from, to, interval }) {
  return groupsOf(state.series).map(({ aggregations, metrics }) => {
    const window = { from: rfc3339(from), to: rfc3339(to) };
    const fields = { metric: metrics, aggregation: aggregations, ...window, interval, zone: zoneOf(state) };
    const query = parametersOf({ ...fields, fill: "null", format: "csv" });
    return { aggregation: aggregations[0] ?? "", href: `${API}/query?${query}` };
  });
}

function ofAnswer({
  metric,
  type,
  unit,
  aggregation,
  exact,
  relative_error: error,
  at,
  values,
  partial,
  gaps,
}) {
  return {
    metric,
    type,
    unit: unitOf(unit ?? "", aggregation),
    aggregation,
    exact,
    error,
    at: at.map(instant),
    values,
    partial: new Set((partial ?? []).map(instant)),
    gaps: (gaps ?? []).map(gapOf),
  };
}

function gapOf(gap) {
  const [from, to] = Array.isArray(gap) ? gap : [gap.from, gap.to];
  return { from: instant(from), to: instant(to) };
}

/** How the figure of an aggregation is measured. */
function unitOf(unit, aggregation) {
  if (aggregation === "count") return "points";
  if (aggregation === "rate") return unit ? `${unit}/s` : "per s";
  return unit;
}

function instant(value) {
  return typeof value === "number" ? value : Date.parse(value) / 1000;
}
