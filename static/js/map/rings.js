// Lines and rings over the antimeridian and round a pole, as MapLibre draws them right.

/**
 * Longitudes that run on past 180 instead of jumping to the other side, so that a line stays in one piece;
 * MapLibre repeats it in the neighbouring copy of the world.
 */
export function unwrap(points) {
  const unwrapped = [points[0]];
  for (let i = 1; i < points.length; i += 1) {
    const before = unwrapped[i - 1][0];
    const turns = Math.round((points[i][0] - before) / 360);
    unwrapped.push([points[i][0] - 360 * turns, points[i][1]]);
  }
  return unwrapped;
}

/** A closed ring unwrapped; one that winds round a pole gets the edge along it. */
export function unwrapRing(points) {
  if (!jumps(points)) return points;
  const ring = unwrap(points);
  const [first, last] = [ring[0], ring[ring.length - 1]];
  if (Math.abs(last[0] - first[0]) < 180) return ring;
  const pole = first[1] > 0 ? 90 : -90;
  return [...ring, [last[0], pole], [first[0], pole], first];
}

function jumps(points) {
  for (let i = 1; i < points.length; i += 1) {
    if (Math.abs(points[i][0] - points[i - 1][0]) > 180) return true;
  }
  return false;
}
