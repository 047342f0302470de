// Events over time as bars, with a brush to pick a range; two date fields do the same by keyboard.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 64;

/**
 * The bucket that gives a readable number of bars for a span of days.
 *
 * Events known to the month or year only (`precisions` counts 0 instant, 1 day, 2 month, 3 year) have no place
 * in finer buckets.
 */
export function bucketFor(days, precisions) {
  if (days > 366 * 25 || precisions["3"]) return "year";
  return days > 120 || precisions["2"] ? "month" : "day";
}

/** Draws the bars into `svg`; `onPick(firstDate, lastDate)` hears about a brushed range, `onPick("", "")` all. */
export class Histogram {
  constructor(svg, onPick) {
    this.svg = svg;
    this.onPick = onPick;
    this.bars = [];
    this.drag = null;
    svg.addEventListener("pointerdown", (event) => this.#start(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    svg.addEventListener("pointerup", () => this.#end());
    svg.addEventListener("pointercancel", () => this.#cancel());
    svg.addEventListener("dblclick", () => onPick("", ""));
  }

  /** Show bars ({first, last, count}: local dates, both included) and the picked range. */
  show(bars, from, to) {
    this.bars = bars;
    const width = Math.max(bars.length, 1);
    const highest = Math.max(1, ...bars.map((bar) => bar.count ?? 0));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(...bars.map((bar, i) => rectangle(bar, i, highest)));
    this.select(from, to);
  }

  /** Dim the bars outside a range of dates; an empty end is open. */
  select(from, to) {
    this.#paint((bar) => (!from || bar.last >= from) && (!to || bar.first <= to));
  }

  #paint(isIn) {
    this.bars.forEach((bar, i) => this.svg.children[i].classList.toggle("is-out", !isIn(bar)));
  }

  #indexAt(event) {
    const box = this.svg.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * this.bars.length);
    return Math.min(this.bars.length - 1, Math.max(0, index));
  }

  #start(event) {
    if (this.bars.length === 0 || event.button !== 0) return;
    this.svg.setPointerCapture(event.pointerId);
    this.drag = { anchor: this.#indexAt(event), head: this.#indexAt(event) };
    this.#showDrag();
  }

  #move(event) {
    if (!this.drag) return;
    this.drag.head = this.#indexAt(event);
    this.#showDrag();
  }

  #showDrag() {
    const [low, high] = this.#range();
    this.bars.forEach((_, i) => this.svg.children[i].classList.toggle("is-out", i < low || i > high));
  }

  #range() {
    return [Math.min(this.drag.anchor, this.drag.head), Math.max(this.drag.anchor, this.drag.head)];
  }

  #end() {
    if (!this.drag) return;
    const [low, high] = this.#range();
    this.drag = null;
    this.onPick(this.bars[low].first, this.bars[high].last);
  }

  #cancel() {
    this.drag = null;
  }
}

function rectangle(bar, index, highest) {
  const height = bar.count ? Math.max(1.5, (HEIGHT * bar.count) / highest) : 0;
  const element = document.createElementNS(SVG, "rect");
  const attributes = { x: index + 0.06, width: 0.88, y: HEIGHT - height, height };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  const title = document.createElementNS(SVG, "title");
  title.textContent = `${bar.label}: ${bar.count === null ? "withheld" : bar.count.toLocaleString("en")}`;
  element.append(title);
  return element;
}

/** Bars of the timeline's buckets; a bucket's label is its local start (2023, 2023-04, 2023-04-17). */
export function barsOf(buckets, bucket) {
  return buckets.map(({ label, count }) => ({ label, count, ...datesOf(label, bucket) }));
}

function datesOf(label, bucket) {
  const [year, month = 1] = label.split("-").map(Number);
  if (bucket === "year") return { first: `${label}-01-01`, last: `${label}-12-31` };
  if (bucket === "day") return { first: label, last: label };
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return { first: `${label}-01`, last: `${label}-${String(days).padStart(2, "0")}` };
}
