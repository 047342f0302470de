// The API's answers as the map uses them.

import { cellToLatLng } from "h3-js";
import { call } from "../problems.js";
import { inSlices } from "../slices.js";
import { contains, isEverything, parameter } from "./box.js";
import { filterQuery } from "./state.js";

const API = "/api/v1";

/** Cells of a box as columns; `box` null is everything. */
export async function fetchCells(state, resolution, box, signal) {
  const query = filterQuery(state);
  query.set("format", "columns");
  query.set("resolution", resolution);
  if (box && !isEverything(box)) query.set("bbox", parameter(box));
  const body = await call(`${API}/hexes?${query}`, { signal });
  return located(new Answer(body, resolution, box), signal);
}

/** The cells of a forecast in its first period; the whole of it, whatever the view. */
export async function fetchForecast(prediction, signal) {
  const { summary, status } = await call(`${API}/predictions/${prediction}`, { signal });
  if (status !== "succeeded") return null;
  const period = summary.periods[0].period;
  const query = new URLSearchParams({ format: "columns", period });
  const body = await call(`${API}/predictions/${prediction}/cells?${query}`, { signal });
  return located(new Forecast(body, summary.resolution, period), signal);
}

/** The answer with the centres of its cells, which every move of the map asks for. */
async function located(answer, signal) {
  await inSlices(answer.cells.length, (index) => answer.locate(index), signal);
  return answer;
}

/** Everything about one cell under the current filters; its rank is among the cells of the box. */
export async function fetchCell(state, cell, box, signal) {
  const query = filterQuery(state);
  if (!isEverything(box)) query.set("bbox", parameter(box));
  const body = await call(`${API}/hexes/${encodeURIComponent(cell)}?${query}`, { signal });
  return {
    ...body,
    neighbours: body.neighbours.filter(({ count }) => count !== 0),
    children: body.children.filter(({ count }) => count !== 0),
    categories: entries(body.categories),
    labels: entries(body.labels),
  };
}

/** Buckets of events over time, whatever the time filter; {label, count}. */
export async function fetchTimeline(state, bucket, signal) {
  const query = filterQuery({ ...state, from: "", to: "" });
  query.set("bucket", bucket);
  const body = await call(`${API}/timeline?${query}`, { signal });
  return body.buckets;
}

/** The dataset's categories with their counts, most frequent first. */
export async function fetchCategories(dataset, signal) {
  const categories = await call(`${API}/datasets/${dataset}/categories`, { signal });
  return categories.sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
}

/** A dataset with the facts of its current version. */
export function fetchDataset(dataset) {
  return call(`${API}/datasets/${dataset}`);
}

/** [name, count] of an object of counts, highest first. */
function entries(counts) {
  return Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]);
}

/** Cells with a number each, in parallel arrays. */
class Cells {
  constructor(cells, counts) {
    this.cells = cells;
    this.counts = counts;
    this.latitudes = new Float64Array(cells.length);
    this.longitudes = new Float64Array(cells.length);
  }

  locate(index) {
    [this.latitudes[index], this.longitudes[index]] = cellToLatLng(this.cells[index]);
  }

  /** The rows whose cell centre lies in a box, highest count first. */
  within(box) {
    const inside = [];
    for (let index = 0; index < this.cells.length; index += 1) {
      if (contains(box, this.latitudes[index], this.longitudes[index])) inside.push(index);
    }
    return inside.sort((a, b) => this.counts[b] - this.counts[a]);
  }
}

/** One answer of /hexes in columns. */
class Answer extends Cells {
  constructor(body, resolution, box) {
    super(body.h3, body.count);
    this.body = body;
    this.resolution = body.resolution ?? resolution;
    this.box = box;
    this.partial = body.partial_events ?? 0;
    this.excluded = body.excluded_no_time ?? 0;
    this.suppressed = Boolean(body.suppressed);
  }

  /** What the cells are coloured by: their counts, or mean values, null where a cell has no value. */
  measured(measure) {
    if (measure === "count") return this.counts;
    return this.body.value?.mean ?? this.counts.map(() => null);
  }

  /** One row with its categories and value, as the hover card shows it. */
  row(index) {
    const categories = Object.entries(this.body.categories ?? {})
      .map(([name, counts]) => [name, counts[index]])
      .filter(([, n]) => n > 0)
      .sort((a, b) => b[1] - a[1]);
    return { cell: this.cells[index], count: this.counts[index], categories, value: this.#value(index) };
  }

  #value(index) {
    const { value } = this.body;
    if (!value?.n[index]) return null;
    const { lower, upper, level } = value.ci;
    const interval = lower[index] === null ? null : { lower: lower[index], upper: upper[index], level };
    return { n: value.n[index], mean: value.mean[index], ci: interval };
  }
}

/** What a forecast expects, as the map shows it: expected events take the place of counted ones. */
class Forecast extends Cells {
  constructor(body, resolution, period) {
    super(body.h3, body.expected);
    this.body = body;
    this.resolution = resolution;
    this.period = period;
    this.box = null;
    this.partial = 0;
    this.excluded = 0;
    this.suppressed = false;
  }

  measured() {
    return this.counts;
  }

  row(index) {
    const { expected, lower, upper, baseline, rank } = this.body;
    return {
      cell: this.cells[index],
      count: expected[index],
      categories: [],
      value: null,
      expected: {
        expected: expected[index],
        lower: lower[index],
        upper: upper[index],
        baseline: baseline[index],
        rank: rank[index],
      },
    };
  }
}
