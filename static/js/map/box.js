// Boxes in degrees: west may be any longitude, width at most 360.

const PRECISION = 1e-4;
const EVERYWHERE = { west: -180, width: 360, south: -90, north: 90 };

/** The box of what the map shows, widened by `margin` of its size on each side. */
export function viewBox(map, margin = 0) {
  const bounds = map.getBounds();
  const width = bounds.getEast() - bounds.getWest();
  const height = bounds.getNorth() - bounds.getSouth();
  return {
    west: bounds.getWest() - width * margin,
    width: Math.min(360, width * (1 + 2 * margin)),
    south: Math.max(-90, bounds.getSouth() - height * margin),
    north: Math.min(90, bounds.getNorth() + height * margin),
  };
}

/**
 * The box to ask for: `box`, or everything where it holds all of a dataset's `extent`.
 *
 * So every screen asks for a dataset as a whole in the same words, and one kept answer serves all of them
 * (the server has it ready: default_view.py).
 */
export function askedBox(box, extent) {
  if (!extent) return EVERYWHERE;
  const [west, south, east, north] = extent;
  const all = { west, width: east < west ? east - west + 360 : east - west, south, north };
  return holds(box, all) ? EVERYWHERE : box;
}

/** The whole sphere. */
export function isEverything(box) {
  return box.width >= 360 && box.south <= -85 && box.north >= 85;
}

/** Whether `outer` holds `inner`, whichever copy of the world either is on. */
export function holds(outer, inner) {
  const offset = wrap(inner.west - outer.west, 0);
  const inLongitude = outer.width >= 360 || offset + inner.width <= outer.width + PRECISION;
  return inLongitude && outer.south <= inner.south + PRECISION && outer.north >= inner.north - PRECISION;
}

/** Whether a point lies in the box: west and south edges are in, east and north are out. */
export function contains(box, latitude, longitude) {
  if (latitude < box.south || (latitude >= box.north && box.north < 90)) return false;
  return box.width >= 360 || wrap(longitude - box.west, 0) < box.width;
}

/** The box as the API takes it: w,s,e,n with w > e where it crosses the antimeridian. */
export function parameter(box) {
  const west = box.width >= 360 ? -180 : wrap(box.west, -180);
  let east = west + box.width;
  if (box.width >= 360) east = 180;
  else if (east > 180) east -= 360;
  return [west, box.south, east, box.north].map((degrees) => Number(degrees.toFixed(6))).join(",");
}

function wrap(longitude, start) {
  return ((((longitude - start) % 360) + 360) % 360) + start;
}
