// What the explorer shows, as the address of the page: a link reproduces the view.

export const AGGREGATIONS = {
  sum: "Sum",
  avg: "Average",
  min: "Lowest",
  max: "Highest",
  count: "Number of points",
  first: "First",
  last: "Last",
  rate: "Rate per second",
  p50: "p50, median",
  p90: "p90",
  p95: "p95",
  p99: "p99",
};
export const MAX_SERIES = 24;

const DEFAULT_RANGE = "6h";
const FLAGS = ["band", "compare", "bridge"];
const SECONDS = { m: 60, h: 3600, d: 86400 };
const PERCENTILE = /^p\d{1,3}(\.\d{1,3})?$/;
const EARLIEST_S = -62135596800; // the year 1
const LATEST_S = 253402300799; // the year 9999

/** Read the state from a query string; what is not valid there counts as absent. */
export function readState(search, { ranges, intervals }) {
  const query = new URLSearchParams(search);
  const [from, to] = readWindow(query);
  const range = ranges.includes(query.get("range")) ? query.get("range") : DEFAULT_RANGE;
  const interval = query.get("interval") ?? "auto";
  const known = intervals.includes(interval) || /^\d{1,6}[smhd]$/.test(interval);
  return {
    series: readSeries(query),
    range: from === null ? range : "",
    from,
    to,
    interval: known ? interval : "auto",
    zone: isZone(query.get("zone")) ? query.get("zone") : "",
    ...Object.fromEntries(FLAGS.map((name) => [name, query.get(name) === "1"])),
  };
}

/** The nth aggregation belongs to the nth metric; one that is missing is what suits the metric's type. */
function readSeries(query) {
  const aggregations = query.getAll("aggregation");
  const wanted = query.getAll("metric").map((metric, i) => {
    const aggregation = aggregations[i] ?? "";
    return { metric, aggregation: isAggregation(aggregation) ? aggregation : "" };
  });
  return wanted.filter(({ metric }) => metric).slice(0, MAX_SERIES);
}

function isAggregation(text) {
  return Object.hasOwn(AGGREGATIONS, text) || PERCENTILE.test(text);
}

function readWindow(query) {
  const [from, to] = ["from", "to"].map((name) => readInstant(query.get(name)));
  return from !== null && to !== null && from < to ? [from, to] : [null, null];
}

/** Epoch seconds of Unix seconds or RFC 3339, null for neither. */
function readInstant(text) {
  if (!text) return null;
  const seconds = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  return seconds >= EARLIEST_S && seconds <= LATEST_S ? seconds : null;
}

function isZone(name) {
  if (!name) return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** The query string of a state, without what is the default. */
export function writeState(state) {
  const query = new URLSearchParams();
  for (const { metric, aggregation } of state.series) {
    query.append("metric", metric);
    query.append("aggregation", aggregation);
  }
  if (state.range) {
    if (state.range !== DEFAULT_RANGE) query.set("range", state.range);
  } else {
    query.set("from", rfc3339(state.from));
    query.set("to", rfc3339(state.to));
  }
  if (state.interval !== "auto") query.set("interval", state.interval);
  if (state.zone) query.set("zone", state.zone);
  for (const name of FLAGS) if (state[name]) query.set(name, "1");
  const text = query.toString();
  return text ? `?${text}` : "";
}

/** RFC 3339 of epoch seconds, without a fraction that is nought. */
export function rfc3339(epochS) {
  return new Date(epochS * 1000).toISOString().replace(".000Z", "Z");
}

/** Seconds of a range such as "6h". */
export function rangeSeconds(range) {
  return Number.parseInt(range, 10) * SECONDS[range.at(-1)];
}

/** The zone to show: the chosen one, else the viewer's. */
export function zoneOf(state) {
  return state.zone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
