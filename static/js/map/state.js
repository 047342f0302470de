// What the map shows, as the address of the page: a link reproduces the view.

const DEFAULTS = { resolution: "auto", measure: "count", scale: "quantile", palette: "tide" };
const RESOLUTIONS = ["auto", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MEASURES = ["count", "mean"];
const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour));
const WEEKDAYS = ["1", "2", "3", "4", "5", "6", "7"];
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Read the state from a query string; what is not valid there counts as absent. */
export function readState(search, palettes) {
  const query = new URLSearchParams(search);
  const oneOf = (name, allowed) => (allowed.includes(query.get(name)) ? query.get(name) : DEFAULTS[name]);
  const date = (name) => (DATE.test(query.get(name) ?? "") ? query.get(name) : "");
  return {
    dataset: query.get("dataset") ?? "",
    categories: query.getAll("category"),
    from: date("from"),
    to: date("to"),
    ...readHours(query),
    weekdays: WEEKDAYS.filter((day) => query.getAll("weekday").includes(day)),
    resolution: oneOf("resolution", RESOLUTIONS),
    measure: oneOf("measure", MEASURES),
    scale: oneOf("scale", ["quantile", "linear"]),
    palette: oneOf("palette", palettes),
    cell: query.get("cell") ?? "",
    prediction: UUID.test(query.get("prediction") ?? "") ? query.get("prediction") : "",
    camera: readCamera(query),
  };
}

/** Both hours or none: one alone filters nothing. */
function readHours(query) {
  const hours = ["hour_from", "hour_to"].map((name) => query.get(name) ?? "");
  const [hourFrom, hourTo] = hours.every((hour) => HOURS.includes(hour)) ? hours : ["", ""];
  return { hourFrom, hourTo };
}

function readCamera(query) {
  const numbers = ["lat", "lng", "zoom"].map((name) => Number.parseFloat(query.get(name)));
  const [lat, lng, zoom] = numbers;
  const inRange = Math.abs(lat) <= 85.06 && Math.abs(lng) <= 540 && zoom >= 0 && zoom <= 22;
  return inRange ? { lat, lng, zoom } : null;
}

/** The query string of a state, without what is the default. */
export function writeState(state) {
  const query = new URLSearchParams();
  if (state.dataset) query.set("dataset", state.dataset);
  for (const category of state.categories) query.append("category", category);
  for (const name of ["from", "to", "cell", "prediction"]) if (state[name]) query.set(name, state[name]);
  writeTimes(state, query);
  for (const [name, value] of Object.entries(DEFAULTS))
    if (state[name] !== value) query.set(name, state[name]);
  if (state.camera) {
    query.set("lat", state.camera.lat.toFixed(5));
    query.set("lng", state.camera.lng.toFixed(5));
    query.set("zoom", state.camera.zoom.toFixed(2));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

function writeTimes(state, query) {
  if (state.hourFrom !== "" && state.hourTo !== "") {
    query.set("hour_from", state.hourFrom);
    query.set("hour_to", state.hourTo);
  }
  for (const day of state.weekdays) query.append("weekday", day);
}

// The resolution that a zoom is served with, so that a screen holds some thousand cells at most.
const BY_ZOOM = [3, 3, 3, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 10, 10];
const FINEST = 11;

/** The resolution to ask for at a zoom. */
export function resolutionAt(zoom, chosen) {
  return chosen === "auto" ? (BY_ZOOM[Math.floor(zoom)] ?? FINEST) : Number(chosen);
}

/** The filters that every call of the map shares. */
export function filterQuery(state) {
  const query = new URLSearchParams({ dataset: state.dataset });
  for (const category of state.categories) query.append("category", category);
  if (state.from) query.set("from", state.from);
  if (state.to) query.set("to", state.to);
  writeTimes(state, query);
  return query;
}
