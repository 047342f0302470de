// The map page: state in the address, cells from the API, hexagons drawn by MapLibre.

import {
  AttributionControl,
  LngLatBounds,
  Map as MapView,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from "maplibre-gl";
import { byId, debounce, el, pageData } from "./dom.js";
import { plural } from "./format.js";
import { live } from "./page-live.js";
import {
  fetchCategories,
  fetchCell,
  fetchCells,
  fetchDataset,
  fetchForecast,
  fetchTimeline,
} from "./map/answers.js";
import { bindAsking } from "./map/asking.js";
import { baseStyle, loadOutlines, recolour } from "./map/base.js";
import { askedBox, holds, viewBox } from "./map/box.js";
import {
  hoverContent,
  panelHead,
  placeHover,
  showLegend,
  showPanel,
  showTop,
  TOP_CELLS,
} from "./map/cards.js";
import { Controls } from "./map/controls.js";
import { bindExport } from "./map/exporting.js";
import { CellLayers } from "./map/layers.js";
import { classes, PALETTES } from "./map/scale.js";
import { readState, resolutionAt, writeState } from "./map/state.js";
import { clearProblem, showProblem } from "./problems.js";

const MARGIN = 0.25; // loaded beyond the view on each side, so that small moves need no request
const MOVE_PAUSE_MS = 120;
const FIT_MAX_ZOOM = 13;

const data = pageData("map-data");
const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const state = readState(location.search, Object.keys(PALETTES));
if (!data.datasets.some(({ id }) => id === state.dataset))
  Object.assign(state, { dataset: data.datasets[0].id, categories: [], cell: "" });

let answer = null;
let cellsRequest = null;
let drawing = null;
let panelRequest = null;
let stopFollowing = () => {};

const dataset = () => data.datasets.find(({ id }) => id === state.dataset);
const controls = new Controls(state, changed);
setWorkerUrl(data.worker_url);
bindAsking(() => state.dataset);
bindExport(() => ({ state, answer, view: viewBox(map) }));
const map = createMap();
const layers = new CellLayers(map);

function createMap() {
  const view = new MapView({
    container: "map",
    style: data.style_url || baseStyle(dark.matches, data.tile_url),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxZoom: 19,
    fadeDuration: calm.matches ? 0 : 150,
    ...cameraOf(),
  });
  view.touchZoomRotate.disableRotation();
  view.addControl(new NavigationControl({ showCompass: false }), "top-left");
  view.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-right");
  if (data.style_url || data.tile_url)
    view.addControl(new AttributionControl({ compact: true }), "bottom-right");
  view.getCanvas().setAttribute("aria-label", "Map of hexagons; arrow keys move it, plus and minus zoom");
  return view;
}

function cameraOf() {
  if (state.camera) return { center: [state.camera.lng, state.camera.lat], zoom: state.camera.zoom };
  return { bounds: extentOf(dataset()), fitBoundsOptions: { padding: 40, maxZoom: FIT_MAX_ZOOM } };
}

function extentOf({ extent }) {
  if (!extent) return new LngLatBounds([-170, -60], [170, 75]);
  const [west, south, east, north] = extent;
  return new LngLatBounds(
    [west, Math.max(south, -80)],
    [east < west ? east + 360 : east, Math.min(north, 83)],
  );
}

function changed(part) {
  if (part === "colours") {
    recolourCells();
    return remember();
  }
  if (part === "measure") {
    if (answer) draw().catch(report);
    return remember();
  }
  if (part === "dataset") {
    Object.assign(state, { prediction: "" });
    answer = null;
    byId("forecast").hidden = true;
    choose("");
    followDataset();
    map.fitBounds(extentOf(dataset()), { padding: 40, maxZoom: FIT_MAX_ZOOM, animate: false });
  }
  if (part === "categories" || part === "hours") showTimeline();
  load({ force: true });
  if (state.cell) openPanel(state.cell);
  return remember();
}

function remember() {
  history.replaceState(null, "", location.pathname + writeState(state));
}

function followDataset() {
  const shown = dataset();
  controls.showDataset(shown);
  stopFollowing();
  stopFollowing = live.subscribe(`datasets.${shown.id}`, heard, { onReady: askVersion, onReset: askVersion });
  showCategories();
  showTimeline();
}

function heard(event) {
  if (event.type === "version.published") askVersion();
}

/** Take over a newer version, if there is one; asked on each publish, and without live connection now and then. */
async function askVersion() {
  const shown = dataset();
  try {
    const { current_version: version, event_count: events, ...facts } = await fetchDataset(shown.id);
    if (shown !== dataset() || version === shown.version) return;
    const { extent, first_at, last_at, precision_counts: precisions } = facts;
    Object.assign(shown, { version, events, extent, first_at, last_at, precisions });
  } catch (problem) {
    report(problem);
    return;
  }
  controls.showDataset(shown);
  await showCategories(); // first, because a chosen category may be gone
  showTimeline();
  await load({ force: true });
  notice(`Version ${shown.version} has been published; the map shows it.`);
}

async function showCategories() {
  try {
    controls.showCategories(await fetchCategories(state.dataset));
  } catch (problem) {
    report(problem);
  }
}

async function showTimeline() {
  const bucket = controls.bucketOf(dataset());
  try {
    controls.showTimeline(await fetchTimeline(state, bucket), bucket);
  } catch (problem) {
    report(problem);
  }
}

/** Ask for the cells of the view, unless those at hand already cover it. */
async function load({ force = false } = {}) {
  if (state.prediction) return loadForecast();
  const view = viewBox(map);
  const resolution = resolutionAt(map.getZoom(), state.resolution);
  if (!force && answer && answer.resolution === resolution && holds(answer.box, view)) return showTotals();
  cellsRequest?.abort();
  const request = new AbortController();
  cellsRequest = request;
  byId("busy").hidden = false;
  try {
    const box = askedBox(viewBox(map, MARGIN), dataset().extent);
    answer = await fetchCells(state, resolution, box, request.signal);
    await draw();
    clearProblem(byId("notes"));
  } catch (problem) {
    report(problem);
  } finally {
    if (cellsRequest === request) byId("busy").hidden = true;
  }
}

/** Show a forecast in the place of what happened, until somebody chooses to see that again. */
async function loadForecast() {
  if (answer?.period) return showTotals();
  byId("busy").hidden = false;
  try {
    answer = await fetchForecast(state.prediction);
    if (answer) {
      await draw();
      byId("forecast-note").textContent = `Forecast for the period from ${answer.period}.`;
      byId("forecast").hidden = false;
    } else leaveForecast();
  } catch (problem) {
    report(problem);
    leaveForecast();
  }
  byId("busy").hidden = true;
}

function leaveForecast() {
  Object.assign(state, { prediction: "" });
  answer = null;
  byId("forecast").hidden = true;
  remember();
  load({ force: true });
}

async function draw() {
  const shown = answer;
  const place = byId("map");
  drawing?.abort();
  drawing = new AbortController();
  const { signal } = drawing;
  delete place.dataset.drawn;
  const drawn = await layers.draw(shown, state.measure, signal);
  if (shown !== answer) return; // another dataset was chosen meanwhile
  map.once("idle", () => {
    if (!signal.aborted) place.dataset.drawn = drawn;
  });
  recolourCells();
  showTotals();
  place.dataset.cells = shown.cells.length;
  place.dataset.resolution = shown.resolution;
}

function recolourCells() {
  if (!answer || !map.getLayer("cells")) return;
  const measure = answer.period ? "forecast" : state.measure;
  const entries = classes(answer.measured(measure), state.scale, state.palette, dark.matches);
  layers.colour(entries, dark.matches);
  showLegend(byId("legend"), entries, { measure, hasSuppressed: answer.suppressed });
}

async function showTotals() {
  const shown = answer;
  const view = viewBox(map);
  const inside = shown.within(view);
  const events = inside.reduce((sum, index) => sum + shown.counts[index], 0);
  const notes = [`Resolution ${shown.resolution}.`];
  if (shown.excluded) notes.push(`${plural(shown.excluded, "event")} without a time of day left out.`);
  if (state.measure === "mean" && shown.measured("mean").every((mean) => mean === null))
    notes.push("No cell has a value; choose the measure “Events”.");
  controls.showTotals({ events, cells: inside.length, notes });
  showTop(
    byId("top-cells"),
    inside.slice(0, TOP_CELLS).map((index) => shown.row(index)),
    choose,
  );
  if (!shown.partial) return;
  // Partly inside the time window is a fact about events, not about cells: ask for exactly this view.
  try {
    const exact = await fetchCells(state, shown.resolution, view, cellsRequest?.signal);
    if (shown !== answer) return;
    notes.push(`${plural(exact.partial, "event")} only partly within the time range.`);
    controls.showTotals({ events, cells: inside.length, notes });
  } catch (problem) {
    report(problem);
  }
}

function report(problem) {
  if (problem.name === "AbortError") return;
  if (problem.name !== "Problem") throw problem;
  showProblem(byId("notes"), problem);
}

function notice(text) {
  const place = byId("notes");
  place.replaceChildren(
    el("div", { class: "note", "data-tone": "good", role: "status" }, el("div", {}, text)),
  );
  place.hidden = false;
  setTimeout(() => clearProblem(place), 6000);
}

// --- hover and choice

function hover(event) {
  const index = layers.rowAt(event.lngLat);
  const card = byId("hover");
  map.getCanvas().style.cursor = index < 0 ? "" : "pointer";
  if (index < 0) return leave();
  if (card.dataset.index !== String(index)) {
    card.dataset.index = index;
    card.replaceChildren(...hoverContent(layers.answer.row(index)));
    layers.mark("hovered", layers.answer.cells[index]);
  }
  return placeHover(card, event.point, card.parentElement);
}

function leave() {
  const card = byId("hover");
  card.hidden = true;
  delete card.dataset.index;
  layers.mark("hovered", "");
}

function choose(cell) {
  state.cell = cell;
  leave();
  layers.mark("chosen", cell);
  if (cell) openPanel(cell);
  else {
    panelRequest?.abort();
    byId("panel").hidden = true;
  }
  remember();
}

async function openPanel(cell) {
  panelRequest?.abort();
  panelRequest = new AbortController();
  const panel = byId("panel");
  const close = () => {
    choose("");
    map.getCanvas().focus();
  };
  try {
    const facts = await fetchCell(state, cell, viewBox(map), panelRequest.signal);
    showPanel(panel, facts, { onClose: close, onChoose: choose });
    panel.focus({ preventScroll: true });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    const place = el("div");
    panel.replaceChildren(panelHead(cell, close), place);
    panel.hidden = false;
    showProblem(place, problem);
  }
}

function clicked(event) {
  const index = layers.rowAt(event.lngLat);
  choose(index < 0 ? "" : layers.answer.cells[index]);
}

// --- start

map.on("load", () => {
  layers.add(dark.matches);
  if (!data.style_url && !data.tile_url) loadOutlines(map, data.outlines);
  if (state.cell) choose(state.cell);
  load();
  map.on("moveend", debounce(moved, MOVE_PAUSE_MS));
  map.on("mousemove", hover);
  map.on("mouseout", leave);
  map.on("click", clicked);
});

function moved() {
  const { lat, lng } = map.getCenter();
  state.camera = { lat, lng, zoom: map.getZoom() };
  remember();
  load();
}

dark.addEventListener("change", () => {
  if (!data.style_url) recolour(map, dark.matches);
  recolourCells();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.cell) choose("");
});

byId("leave-forecast").addEventListener("click", leaveForecast);
live.pollWhileClosed(askVersion);
followDataset();
