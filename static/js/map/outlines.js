// Outlines of H3 cells as GeoJSON.

import { cellToBoundary } from "h3-js";
import { unwrapRing } from "./rings.js";

/** A cell's feature; `measured` is what it is coloured by. */
export function feature(cell, measured) {
  return {
    type: "Feature",
    properties: { measured },
    geometry: { type: "Polygon", coordinates: [unwrapRing(cellToBoundary(cell, true))] },
  };
}

/** Features as MapLibre takes them. */
export function collection(features) {
  return { type: "FeatureCollection", features };
}

/** One cell alone, for the outline of what is hovered or chosen. */
export function outline(cell) {
  return collection(cell ? [feature(cell, 0)] : []);
}
