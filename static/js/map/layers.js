// The hexagons on the map: one GeoJSON source for the cells, one for the outlines of hovered and chosen cell.

import { latLngToCell } from "h3-js";
import { inSlices } from "../slices.js";
import { collection, feature, outline } from "./outlines.js";
import { paint } from "./scale.js";

const DRAWN_MAX = 60000;
const OUTLINED_MAX = 4000; // beyond it cells are a few pixels wide, and smooth movement is worth more
const EDGES = { light: "rgba(255, 255, 255, 0.55)", dark: "rgba(8, 16, 20, 0.55)" };
const MARKS = { light: "#0d1b24", dark: "#ffffff" };

/** Draws cells and tells which cell is under a point. */
export class CellLayers {
  constructor(map) {
    this.map = map;
    this.answer = null; // the one that is drawn: a newer one may be on its way
    this.rows = new Map();
  }

  /** Add sources and layers to a freshly loaded style. */
  add(isDark) {
    const { map } = this;
    const theme = isDark ? "dark" : "light";
    map.addSource("cells", { type: "geojson", data: outline(""), buffer: 8, tolerance: 0 });
    map.addSource("hovered", { type: "geojson", data: outline("") });
    map.addSource("chosen", { type: "geojson", data: outline("") });
    const fill = { "fill-color": "#888888", "fill-opacity": 0.82, "fill-outline-color": EDGES[theme] };
    map.addLayer({ id: "cells", type: "fill", source: "cells", paint: fill });
    this.#addMark("hovered", MARKS[theme], 1.5);
    this.#addMark("chosen", MARKS[theme], 3);
  }

  #addMark(name, colour, width) {
    const paintLine = { "line-color": colour, "line-width": width };
    this.map.addLayer({
      id: name,
      type: "line",
      source: name,
      layout: { "line-join": "round" },
      paint: paintLine,
    });
  }

  /**
   * Draw an answer's cells that have the measure, beyond the drawing limit those with the most events; return
   * how many. What was drawn before stays until all is ready.
   */
  async draw(answer, measure, signal) {
    const measured = answer.measured(measure);
    const indexes = drawn(answer, measured);
    const rows = new Map();
    const features = [];
    await inSlices(answer.cells.length, (index) => rows.set(answer.cells[index], index), signal);
    await inSlices(
      indexes.length,
      (place) => features.push(feature(answer.cells[indexes[place]], measured[indexes[place]])),
      signal,
    );
    Object.assign(this, { answer, rows });
    this.map.setPaintProperty("cells", "fill-antialias", features.length <= OUTLINED_MAX);
    this.map.getSource("cells").setData(collection(features));
    return features.length;
  }

  /** Colour the cells by the legend's classes. */
  colour(entries, isDark) {
    const theme = isDark ? "dark" : "light";
    this.map.setPaintProperty("cells", "fill-color", paint(entries));
    this.map.setPaintProperty("cells", "fill-outline-color", EDGES[theme]);
    for (const name of ["hovered", "chosen"]) this.map.setPaintProperty(name, "line-color", MARKS[theme]);
  }

  /** The row of the drawn answer's cell at a point, or -1. */
  rowAt(point) {
    if (this.answer === null || Math.abs(point.lat) > 90) return -1;
    const { lat, lng } = point.wrap();
    return this.rows.get(latLngToCell(lat, lng, this.answer.resolution)) ?? -1;
  }

  /** Outline the hovered or the chosen cell; an empty one takes the outline away. */
  mark(name, cell) {
    this.map.getSource(name)?.setData(outline(cell));
  }
}

/** The rows to draw: those that have a measure. */
function drawn(answer, measured) {
  const indexes = [];
  for (let index = 0; index < answer.cells.length; index += 1) {
    if (measured[index] !== null) indexes.push(index);
  }
  if (indexes.length <= DRAWN_MAX) return indexes;
  return indexes.sort((a, b) => answer.counts[b] - answer.counts[a]).slice(0, DRAWN_MAX);
}
