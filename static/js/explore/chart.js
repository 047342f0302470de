// The chart: uPlot with a drag that zooms, broken lines and marks at gaps, a card at the cursor, and keys.

import uPlot from "uplot";
import { onAxis } from "./numbers.js";
import { clock, day } from "./zone.js";

const DAY_S = 86400;
const AXIS_FONT = "12px system-ui, sans-serif";
const GAP_STRIP_PX = 4;
const SMALLEST_DRAG_PX = 5;
const COLOURS = 8;
const NAME_CHARS = 30;
const NARROW_PX = 560;
const NARROW_AXES = 2;
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** The colour (0..7) and dash of the nth series: colour alone tells eight apart, then the dash does too. */
export function strokeOf(n) {
  return { colour: n % COLOURS, dash: DASHES[Math.floor(n / COLOURS) % DASHES.length] };
}

/**
 * Draws lines into `place`; calls `onZoom(from, to)` and `onZoomOut()` for gestures, `onCursor(index, box)`
 * as the cursor moves: the index of a bucket or null, and where it is in the frame.
 */
export class Chart {
  constructor(place, { onZoom, onZoomOut, onCursor }) {
    this.place = place;
    this.calls = { onZoom, onZoomOut, onCursor };
    this.plot = null;
    this.view = null;
    new ResizeObserver(() => this.#resize()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("blur", () => this.#leave());
  }

  /**
   * Show `view`: {x, lines[], window {from, to}, zone, bridge}; a line is {values, series (its number), role
   * ("main", "previous", "low", "high"), scale (what it shares an axis with), unit, metric, gaps[], partial}.
   */
  show(view) {
    const before = this.view;
    this.view = view;
    if (this.plot && before && shapeOf(before) === shapeOf(view)) this.plot.setData(columns(view), true);
    else this.#rebuild();
  }

  /** Take everything away. */
  clear() {
    this.view = null;
    this.plot?.destroy();
    this.plot = null;
  }

  #rebuild() {
    this.plot?.destroy();
    this.plot = null;
    if (this.view) this.plot = new uPlot(this.#options(), columns(this.view), this.place);
  }

  #resize() {
    const { width, height } = sizeOf(this.place);
    if (this.plot && (width !== this.plot.width || height !== this.plot.height))
      this.plot.setSize({ width, height });
  }

  #options() {
    const style = getComputedStyle(this.place);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { lines, zone } = this.view;
    const scales = [...new Set(lines.map(({ scale }) => scale))];
    return {
      ...sizeOf(this.place),
      padding: [12, 12, 0, 0],
      legend: { show: false },
      tzDate: (epochS) => uPlot.tzDate(new Date(epochS * 1000), zone),
      cursor: this.#cursor(),
      scales: {
        x: { time: true, range: () => [this.view.window.from, this.view.window.to] },
        ...Object.fromEntries(scales.map((scale) => [scale, { auto: true, range: rangeOf }])),
      },
      axes: [timeAxis(zone, colour), ...scales.map((scale, i) => this.#valueAxis(scale, i, colour))],
      series: [{}, ...lines.map((line) => this.#series(line, colour))],
      bands: bandsOf(lines, colour),
      hooks: {
        drawClear: [(plot) => this.#drawGaps(plot, colour)],
        setSelect: [(plot) => this.#selected(plot)],
        setCursor: [(plot) => this.#moved(plot)],
        ready: [(plot) => this.#bindTouch(plot)],
      },
    };
  }

  #cursor() {
    return {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: SMALLEST_DRAG_PX },
      points: { size: 7 },
      bind: { dblclick: () => () => this.calls.onZoomOut() },
    };
  }

  #series(line, colour) {
    const { colour: n, dash } = strokeOf(line.series);
    const stroke = colour(`--series-${n}`);
    if (line.role === "low" || line.role === "high")
      return { scale: line.scale, width: 0, points: { show: false } };
    const isPrevious = line.role === "previous";
    return {
      scale: line.scale,
      stroke,
      alpha: isPrevious ? 0.55 : 1,
      width: isPrevious ? 1.25 : 2,
      dash: isPrevious ? [3, 4] : dash,
      spanGaps: this.view.bridge,
      points: {
        show: false,
        filter: (plot, s) => this.#lonely(s),
        size: 6,
        stroke,
        fill: colour("--surface"),
        width: 1.5,
      },
    };
  }

  /** An axis that one series has to itself bears its name and colour. */
  #valueAxis(scale, place, colour) {
    const main = this.view.lines.filter((line) => line.role === "main");
    const users = main.filter((line) => line.scale === scale);
    const isOwn = users.length === 1 && main.length > 1;
    const [{ unit, metric, series }] = users;
    const ink = isOwn ? colour(`--series-${strokeOf(series).colour}`) : colour("--ink-3");
    const name = isOwn ? [shortened(metric), unit].filter(Boolean).join(", ") : unit;
    return {
      scale,
      show: place < NARROW_AXES || this.place.clientWidth >= NARROW_PX,
      side: place === 0 ? 3 : 1,
      label: name || undefined,
      labelFont: AXIS_FONT,
      labelSize: 20,
      stroke: ink,
      font: AXIS_FONT,
      grid: { show: place === 0, stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      values: (plot, splits) => splits.map(onAxis),
      size: (plot, labels) => 18 + 7 * Math.max(2, ...(labels ?? []).map((label) => label.length)),
    };
  }

  /** Buckets that no line reaches, and those that the window cuts, are drawn as points. */
  #lonely(place) {
    const { values, partial } = this.view.lines[place - 1];
    const found = [];
    values.forEach((value, i) => {
      if (value === null) return;
      const isAlone = (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
      if (isAlone || partial.has(this.view.x[i])) found.push(i);
    });
    return found.length ? found : null;
  }

  #drawGaps(plot, colour) {
    const { ctx, bbox } = plot;
    const main = this.view.lines.filter(({ role }) => role === "main");
    const strip = GAP_STRIP_PX * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    main.forEach((line, i) => {
      for (const { from, to } of line.gaps) {
        const left = plot.valToPos(from, "x", true);
        const width = plot.valToPos(to, "x", true) - left;
        ctx.fillStyle = colour("--gap-shade");
        if (main.length === 1) ctx.fillRect(left, bbox.top, width, bbox.height);
        ctx.fillStyle = colour(`--series-${strokeOf(line.series).colour}`);
        ctx.fillRect(left, bbox.top + i * strip, width, strip - devicePixelRatio);
      }
    });
    ctx.restore();
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < SMALLEST_DRAG_PX) return;
    const [from, to] = [left, left + width].map((px) => plot.posToVal(px, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.calls.onZoom(from, to);
  }

  #moved(plot) {
    const { idx, left } = plot.cursor;
    const isIn = idx !== null && idx !== undefined && left >= 0;
    const { offsetLeft, offsetTop } = plot.over;
    this.calls.onCursor(isIn ? idx : null, { x: offsetLeft + left, y: offsetTop });
  }

  #leave() {
    this.plot?.setCursor({ left: -10, top: -10 });
  }

  // uPlot hears the mouse only; a finger that moves sideways selects like it.
  #bindTouch(plot) {
    let start = null;
    const at = (event) => {
      const box = plot.over.getBoundingClientRect();
      return Math.min(Math.max(event.clientX - box.left, 0), box.width);
    };
    const isTouch = (event) => event.pointerType === "touch";
    plot.over.addEventListener("pointerdown", (event) => {
      if (isTouch(event)) start = at(event);
    });
    plot.over.addEventListener("pointermove", (event) => {
      if (!isTouch(event) || start === null) return;
      const [left, right] = [start, at(event)].sort((a, b) => a - b);
      plot.setSelect({ left, width: right - left, top: 0, height: plot.over.clientHeight }, false);
      plot.setCursor({ left: at(event), top: 10 });
    });
    plot.over.addEventListener("pointerup", (event) => {
      if (isTouch(event) && start !== null) this.#selected(plot);
      start = null;
    });
    plot.over.addEventListener("pointercancel", () => {
      start = null;
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    });
  }

  #key(event) {
    if (!this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.view.x.length - 1;
    const now = this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null;
    const moves = {
      ArrowLeft: () => this.#goTo(now === null ? last : now - 1),
      ArrowRight: () => this.#goTo(now === null ? last : now + 1),
      Home: () => this.#goTo(0),
      End: () => this.#goTo(last),
      "+": () => this.#zoomAt(now, 0.5),
      "=": () => this.#zoomAt(now, 0.5),
      "-": () => this.calls.onZoomOut(),
      Escape: () => this.#leave(),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  }

  #goTo(index) {
    const bounded = Math.min(Math.max(index, 0), this.view.x.length - 1);
    const left = Math.max(this.plot.valToPos(this.view.x[bounded], "x"), 0);
    this.plot.setCursor({ left, top: 10 });
  }

  #zoomAt(index, factor) {
    const { from, to } = this.view.window;
    const middle = index === null ? (from + to) / 2 : this.view.x[index];
    const half = ((to - from) * factor) / 2;
    this.calls.onZoom(middle - half, middle + half);
  }
}

function shortened(name) {
  return name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS - 1)}…` : name;
}

function columns({ x, lines }) {
  return [x, ...lines.map(({ values }) => values)];
}

/** What has uPlot made anew when it changes. */
function shapeOf({ lines, zone, bridge }) {
  return JSON.stringify([
    lines.map(({ series, role, scale, metric }) => [series, role, scale, metric]),
    zone,
    bridge,
  ]);
}

function sizeOf(place) {
  return { width: Math.max(place.clientWidth, 200), height: Math.max(place.clientHeight, 160) };
}

/** A little air above and below; a flat line stands in the middle. */
function rangeOf(plot, low, high) {
  if (low === null || low === undefined) return [0, 1];
  return uPlot.rangeNum(low, high, 0.1, true);
}

function bandsOf(lines, colour) {
  const bands = [];
  lines.forEach((line, i) => {
    if (line.role !== "high") return;
    // The colours are written #rrggbb: two digits more are how much shines through.
    bands.push({ series: [i + 1, i], fill: `${colour(`--series-${strokeOf(line.series).colour}`)}2b` });
  });
  return bands;
}

function timeAxis(zone, colour) {
  return {
    stroke: colour("--ink-3"),
    font: AXIS_FONT,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 5 },
    space: 78,
    size: 44,
    values: (plot, splits, axis, space, step) => timeLabels(splits, step, zone),
  };
}

/** Times of day, with the day below where it changes; days alone where the steps are days. */
function timeLabels(splits, step, zone) {
  let before = "";
  return splits.map((epochS) => {
    if (step >= 27 * DAY_S) return day(epochS, zone, { month: true });
    const date = day(epochS, zone);
    if (step >= DAY_S) return date;
    const label = clock(epochS, zone, step < 60);
    const isNew = date !== before;
    before = date;
    return isNew ? `${label}\n${date}` : label;
  });
}
