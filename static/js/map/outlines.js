// Outlines of H3 cells as GeoJSON.

import { cellToBoundary } from "h3-js";
import { unwrapRing } from "./rings.js";

/** A cell's feature; `index` is the row in the answer's columns, `measured` what it is coloured by. */
function feature(cell, index, measured) {
  return {
    type: "Feature",
    id: index,
    properties: { index, measured },
    geometry: { type: "Polygon", coordinates: [unwrapRing(cellToBoundary(cell, true))] },
  };
}

/** The rows `indexes` of the answer as a FeatureCollection. */
export function collection(cells, measured, indexes) {
  return {
    type: "FeatureCollection",
    features: indexes.map((index) => feature(cells[index], index, measured[index])),
  };
}

/** One cell alone, for the outline of what is hovered or chosen. */
export function outline(cell) {
  return { type: "FeatureCollection", features: cell ? [feature(cell, 0, 0)] : [] };
}
