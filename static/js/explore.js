// The metric explorer: state in the address, buckets from the API, lines by uPlot, points as they arrive.

import { byId, debounce, el, pageData } from "./dom.js";
import { live } from "./page-live.js";
import { fetchWindow } from "./explore/answers.js";
import { Chart } from "./explore/chart.js";
import { copyText } from "./explore/copying.js";
import { Finder } from "./explore/finder.js";
import { Hover } from "./explore/hover.js";
import { Legend } from "./explore/legend.js";
import { linesOf } from "./explore/lines.js";
import { RangeControls, windowFacts } from "./explore/range.js";
import { calmerInterval, fits, gapsOf, instantsOf, prolong } from "./explore/series.js";
import {
  AGGREGATIONS,
  MAX_SERIES,
  rangeSeconds,
  readState,
  rfc3339,
  writeState,
  zoneOf,
} from "./explore/state.js";
import { ValueTable } from "./explore/table.js";
import { Tail } from "./explore/tail.js";
import { readable } from "./explore/zone.js";
import { clearProblem, showProblem } from "./problems.js";

const FLAGS = ["band", "compare", "bridge"];
const LIST_PAUSE_MS = 800;
const EMPTY_POLL_MS = 3000;
const TAIL_TEXTS = {
  live: "Live: points appear as they arrive",
  polling: "No live connection: asking every 5 seconds",
  paused: "Paused",
  fixed: "Fixed range",
  off: "",
};

const data = pageData("explore-data");
const state = readState(location.search, data);
let isEmpty = !data.has_metrics;
let answer = null;
let previous = null;
let request = null;

const hover = new Hover();
const chart = new Chart(byId("chart"), {
  onZoom: (from, to) => controls.pickWindow(from, to),
  onZoomOut: () => answer && controls.zoomOut(),
  onCursor: (index, box) => hover.show(index, box),
});
const controls = new RangeControls(state, { onChange: changed });
const table = new ValueTable();
const legend = new Legend({ onAggregation: aggregate, onDuplicate: duplicate, onRemove: remove });
const finder = new Finder({
  isChosen: (key) => state.series.some(({ metric }) => metric === key),
  onToggle: toggle,
  zone: () => zoneOf(state),
});
const tail = new Tail(live, {
  onPoints: loadTail,
  onMove: () => loadTail(Infinity),
  onAsk: askAgain,
  onState: showTail,
});

// --- what a person changes

function changed() {
  const address = location.pathname + writeState(state);
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  return show();
}

/** Take the state over into everything that shows it, and load. */
function show() {
  controls.showState();
  controls.showAsked();
  for (const name of FLAGS) byId(name).checked = state[name];
  watchChosen();
  tail.follow(state.range && state.series.length ? rangeSeconds(state.range) : 0);
  legend.show(state.series, null, zoneOf(state));
  return load();
}

/** Tick and watch the metrics that are chosen. */
function watchChosen() {
  finder.refresh();
  tail.watch(state.series.map(({ metric }) => metric));
}

function toggle({ metric, type }, isOn) {
  if (isOn && state.series.length >= MAX_SERIES) {
    finder.refresh();
    return tell(`At most ${MAX_SERIES} series are shown at once: remove one first.`);
  }
  const others = state.series.filter((series) => series.metric !== metric);
  state.series = isOn ? [...others, { metric, aggregation: usualOf(type) }] : others;
  return changed();
}

const usualOf = (type) => (type === "counter" ? "sum" : "avg");

function aggregate(i, aggregation) {
  const { metric } = state.series[i];
  const isTwin = (series, k) => k !== i && series.metric === metric && series.aggregation === aggregation;
  state.series[i] = { metric, aggregation };
  state.series = state.series.filter((series, k) => !isTwin(series, k));
  return changed();
}

function duplicate(i) {
  const { metric } = state.series[i];
  const used = state.series
    .filter((series) => series.metric === metric)
    .map(({ aggregation }) => aggregation);
  const type = answer?.series.find((series) => series.metric === metric)?.type;
  const free = Object.keys(AGGREGATIONS).find(
    (name) => !used.includes(name) && (name !== "rate" || type === "counter"),
  );
  if (!free || state.series.length >= MAX_SERIES)
    return tell(`At most ${MAX_SERIES} series are shown at once.`);
  state.series = state.series.toSpliced(i + 1, 0, { metric, aggregation: free });
  return changed();
}

function remove(i) {
  state.series = state.series.filter((_, k) => k !== i);
  changed();
  const next = Math.min(i, state.series.length - 1);
  (next < 0 ? byId("search-text") : byId(`series-${next}-remove`)).focus();
}

function tell(text) {
  byId("notes").replaceChildren(
    el("div", { class: "note", "data-tone": "warn", role: "status" }, el("div", {}, text)),
  );
  byId("notes").hidden = false;
}

// --- loading

/** Ask for the whole window; `quiet` leaves out the sign that something is under way. */
async function load({ quiet = false } = {}) {
  request?.abort();
  const current = new AbortController();
  request = current;
  if (state.series.length === 0) return showNothing("Tick a metric in the list to see it here.");
  byId("busy").hidden = quiet;
  try {
    const { signal } = current;
    const found = await fetchBuckets(quiet, signal);
    const earlier = state.compare ? await fetchPrevious(found, signal) : null;
    if (request !== current) return null;
    [answer, previous] = [found, earlier];
    clearProblem(byId("notes"));
    nameSeries();
    draw({ isNew: !quiet });
  } catch (problem) {
    if (problem.name === "Problem" && !quiet) showNothing("");
    report(problem);
  } finally {
    if (request === current) byId("busy").hidden = true;
  }
  return null;
}

/** The window in buckets that suit it; those at hand stay as wide as they are. */
async function fetchBuckets(quiet, signal) {
  if (state.interval !== "auto") return fetchWindow(state, wantedWindow(), { signal });
  if (quiet && answer) return fetchWindow(state, wantedWindow(), { interval: answer.interval, signal });
  const found = await fetchWindow(state, wantedWindow(), { signal });
  const interval = calmerInterval(found);
  return interval ? fetchWindow(state, wantedWindow(), { interval, signal }) : found;
}

function wantedWindow() {
  if (state.range) return { from: `-${state.range}`, to: "" };
  return { from: rfc3339(state.from), to: rfc3339(state.to) };
}

/** The period before, with the same buckets. */
async function fetchPrevious({ from, to, interval }, signal) {
  const window = { from: rfc3339(from - (to - from)), to: rfc3339(from) };
  return fetchWindow({ ...state, band: false }, window, { interval, signal });
}

/** A link may leave the aggregation open, or write a key in another way: from here on it says both. */
function nameSeries() {
  state.series = answer.series.map(({ metric, aggregation }) => ({ metric, aggregation }));
  watchChosen();
  history.replaceState(null, "", location.pathname + writeState(state));
}

/**
 * Ask again for the buckets from an instant on, and put them in place of those at hand.
 *
 * The server counts: a bucket is never made up of the points of an event.
 */
async function loadTail(earliest) {
  if (!answer || answer.series.length !== state.series.length) return null;
  if (earliest === null) return load({ quiet: true });
  if (!state.range && earliest >= state.to) return null;
  const instants = instantsOf(answer);
  const start = instants.findLast(
    (instant) => instant <= Math.min(earliest, answer.to, instants.at(-1) ?? 0),
  );
  if (start === undefined) return earliest < answer.from ? null : load({ quiet: true });
  const current = request;
  const { to } = wantedWindow();
  try {
    const { signal } = current;
    const late = await fetchWindow(
      state,
      { from: rfc3339(start), to },
      { interval: answer.interval, signal },
    );
    if (request !== current) return null;
    if (!fits(answer, late, start)) return load({ quiet: true });
    answer = prolong(answer, late, start, state.range ? rangeSeconds(state.range) : 0);
    clearProblem(byId("notes"));
    draw();
  } catch (problem) {
    report(problem);
  }
  return null;
}

function askAgain() {
  const isPast = !state.range && state.to < Date.now() / 1000;
  return isPast || state.series.length === 0 ? null : load({ quiet: true });
}

function report(problem) {
  if (problem.name === "AbortError") return;
  if (problem.name !== "Problem") throw problem;
  showProblem(byId("notes"), problem);
}

// --- showing

function draw({ isNew = false } = {}) {
  const zone = zoneOf(state);
  const x = instantsOf(answer);
  const lines = linesOf(answer, previous, x);
  const window = { from: Math.min(answer.from, x[0] ?? answer.from), to: answer.to };
  chart.show({ x, lines, window, zone, bridge: state.bridge });
  hover.watch({ x, lines, zone, interval: answer.interval });
  controls.showWindow(answer);
  legend.show(state.series, answer, zone);
  table.show({ answer, state, zone }, { isNew });
  byId("chart-facts").replaceChildren(windowFacts(answer, state), ` ${remarks()}`);
  const hasPoints = lines.some(
    ({ role, values }) => role === "main" && values.some((value) => value !== null),
  );
  byId("chart-empty").hidden = hasPoints;
  byId("chart-empty").textContent =
    `No points from ${readable(answer.from, zone)} to ${readable(answer.to, zone)}.`;
  byId("chart").dataset.buckets = x.length;
  byId("chart").dataset.interval = answer.interval;
}

function remarks() {
  const found = [];
  if (answer.series.some(({ partial }) => partial.size))
    found.push("Hollow points: buckets that the range cuts.");
  if (answer.series.some((series) => gapsOf(series).length))
    found.push("Coloured strips at the top: gaps without points.");
  const rough = answer.series.find(({ exact, error }) => exact === false && error);
  if (rough) found.push(`Percentiles are within ${rough.error * 100} % of the exact point.`);
  return found.join(" ");
}

function showNothing(text) {
  answer = null;
  previous = null;
  chart.clear();
  hover.watch(null);
  table.show(null);
  byId("busy").hidden = true;
  clearProblem(byId("notes"));
  byId("chart-facts").replaceChildren();
  byId("chart-empty").textContent = text;
  byId("chart-empty").hidden = false;
  delete byId("chart").dataset.buckets;
  return null;
}

function showTail(name) {
  const isFixed = !state.range && state.to <= Date.now() / 1000;
  const shown = state.series.length === 0 ? "off" : isFixed ? "fixed" : name;
  const place = byId("tail");
  if (place.textContent !== TAIL_TEXTS[shown]) place.textContent = TAIL_TEXTS[shown];
  place.dataset.state = shown;
  byId("pause").hidden = shown === "fixed" || shown === "off";
}

// --- the list, and an organization without metrics

async function refreshList() {
  const metrics = await finder.search();
  if (!metrics?.length) return;
  if (isEmpty) leaveEmptyState();
  if (state.series.length === 0 && !location.search) {
    state.series = [{ metric: metrics[0].metric, aggregation: usualOf(metrics[0].type) }];
    history.replaceState(null, "", location.pathname + writeState(state));
    show();
  }
}

function leaveEmptyState() {
  isEmpty = false;
  const [above, below] = document.querySelectorAll("[data-send-place]");
  below.append(...above.childNodes);
  byId("no-metrics").hidden = true;
  byId("explorer").hidden = false;
}

// --- start

for (const name of FLAGS)
  byId(name).addEventListener("change", () => {
    state[name] = byId(name).checked;
    changed();
  });

byId("pause").addEventListener("click", () => {
  const isPaused = byId("pause").getAttribute("aria-pressed") !== "true";
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  byId("pause").textContent = isPaused ? "Go on" : "Pause";
  tail.pause(isPaused);
});

byId("copy-link").addEventListener("click", async () => {
  // With the zone, because whoever gets the link may live in another one.
  const address = location.origin + location.pathname + writeState({ ...state, zone: zoneOf(state) });
  byId("link-told").textContent = await copyText(address);
});

window.addEventListener("popstate", () => {
  Object.assign(state, readState(location.search, data));
  show();
});

const listSoon = debounce(refreshList, LIST_PAUSE_MS);
live.subscribe("metrics", listSoon, { onReset: listSoon });
// Whoever sends the first point looks at this page: it opens even where nobody announced the metric.
setInterval(() => isEmpty && !document.hidden && refreshList(), EMPTY_POLL_MS);

byId("finder-fold").open = state.series.length === 0 || !matchMedia("(max-width: 999px)").matches;
show();
refreshList();
