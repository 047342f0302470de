// The base map: coast lines and borders from our own files, so that the map needs no network.

import feature from "topojson-client/feature";
import mesh from "topojson-client/mesh";
import { unwrap, unwrapRing } from "./rings.js";

const DETAIL_ZOOM = 3;
const FINE_ZOOM = 6;
const BORDER_ZOOM = 2;

const COLOURS = {
  light: { water: "#dce6ea", land: "#f6f7f5", coast: "#a9b9c1", border: "#c3ced3" },
  dark: { water: "#0a1317", land: "#16232a", coast: "#3c515c", border: "#2c3d46" },
};

/** A style without sources from elsewhere; `tiles` (an operator's own tile address) lies above the land. */
export function baseStyle(isDark, tiles) {
  const colour = COLOURS[isDark ? "dark" : "light"];
  const style = {
    version: 8,
    sources: {
      land: { type: "geojson", data: empty() },
      lines: { type: "geojson", data: empty() },
    },
    layers: [
      { id: "water", type: "background", paint: { "background-color": colour.water } },
      {
        id: "land",
        type: "fill",
        source: "land",
        paint: { "fill-color": colour.land, "fill-antialias": false },
      },
      { ...lineLayer("border", colour.border, 0.8), minzoom: BORDER_ZOOM },
      lineLayer("coast", colour.coast, 0.9),
    ],
  };
  if (tiles) {
    style.sources.tiles = { type: "raster", tiles: [tiles], tileSize: 256 };
    style.layers.push({ id: "tiles", type: "raster", source: "tiles" });
  }
  return style;
}

function lineLayer(kind, colour, width) {
  return {
    id: kind,
    type: "line",
    source: "lines",
    filter: ["==", ["get", "kind"], kind],
    paint: { "line-color": colour, "line-width": width },
  };
}

/** Recolour the base map when the system changes between light and dark. */
export function recolour(map, isDark) {
  const colour = COLOURS[isDark ? "dark" : "light"];
  if (!map.getLayer("land")) return;
  map.setPaintProperty("water", "background-color", colour.water);
  map.setPaintProperty("land", "fill-color", colour.land);
  map.setPaintProperty("coast", "line-color", colour.coast);
  map.setPaintProperty("border", "line-color", colour.border);
}

/**
 * Fill the base map with the coarse outlines, and with finer ones as the view comes closer.
 *
 * Finer files wait until the map is idle, so that the hexagons never queue behind a coast line.
 */
export async function loadOutlines(map, files) {
  let shown = 0;
  await show(map, files.coarse);
  const levels = [files.coarse, files.medium, files.fine];
  map.on("idle", () => {
    const zoom = map.getZoom();
    const wanted = zoom >= FINE_ZOOM ? 2 : Number(zoom >= DETAIL_ZOOM);
    if (wanted <= shown) return;
    shown = wanted;
    show(map, levels[wanted]);
  });
}

async function show(map, file) {
  const response = await fetch(file);
  if (response.ok) draw(map, await response.json());
}

function draw(map, topology) {
  const { land, countries } = topology.objects;
  const geometry = feature(topology, land);
  const polygons = (geometry.features ?? [geometry]).flatMap((each) => polygonsOf(each.geometry));
  map.getSource("land")?.setData(
    multi(
      "MultiPolygon",
      polygons.map((rings) => rings.map(unwrapRing)),
      {},
    ),
  );
  map.getSource("lines")?.setData({
    type: "FeatureCollection",
    features: [
      lines("coast", mesh(topology, land)),
      lines(
        "border",
        mesh(topology, countries, (a, b) => a !== b),
      ),
    ],
  });
}

function polygonsOf({ type, coordinates }) {
  return type === "Polygon" ? [coordinates] : coordinates;
}

function lines(kind, geometry) {
  return multi("MultiLineString", geometry.coordinates.map(unwrap), { kind });
}

function multi(type, coordinates, properties) {
  return { type: "Feature", properties, geometry: { type, coordinates } };
}

function empty() {
  return { type: "FeatureCollection", features: [] };
}
