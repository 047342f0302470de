// The window of time: buttons, two fields, interval and zone; each reads and writes one part of the state.

import { byId, el } from "../dom.js";
import { rangeSeconds, zoneOf } from "./state.js";
import { instantOf, wallClock } from "./zone.js";

const SHORTEST_S = 1;
const LONGEST_S = 100 * 366 * 86400;

/** Binds the controls; `onChange(part)` hears of "window", "interval" or "zone". */
export class RangeControls {
  constructor(state, { onChange }) {
    this.state = state;
    this.onChange = onChange;
    this.window = { from: 0, to: 0 };
    this.#bindWindow();
    this.#bindFields();
    this.#fillZones();
    this.showState();
  }

  #bindWindow() {
    for (const button of document.querySelectorAll("[data-range]"))
      button.addEventListener("click", () => this.pickRange(button.dataset.range));
    byId("now").addEventListener("click", () => this.pickRange(""));
    byId("earlier").addEventListener("click", () => this.#move(-0.5));
    byId("later").addEventListener("click", () => this.#move(0.5));
    byId("zoom-in").addEventListener("click", () => this.#scale(0.5));
    byId("zoom-out").addEventListener("click", () => this.zoomOut());
    byId("window").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#takeFields();
    });
  }

  #bindFields() {
    for (const name of ["interval", "zone"]) {
      byId(name).addEventListener("change", () => {
        this.state[name] = byId(name).value;
        this.onChange(name);
      });
    }
  }

  #fillZones() {
    const select = byId("zone");
    const own = zoneOf({ zone: "" });
    const names = Intl.supportedValuesOf?.("timeZone") ?? [];
    const all = [...new Set(["UTC", ...names])].map((name) => new Option(name, name));
    select.replaceChildren(new Option(`Yours: ${own}`, ""), ...all);
  }

  /** Show the state in the controls. */
  showState() {
    for (const name of ["interval", "zone"]) {
      const value = this.state[name];
      const select = byId(name);
      // A link may name an interval or zone that is not on offer.
      if (![...select.options].some((option) => option.value === value))
        select.append(new Option(value, value));
      select.value = value;
    }
    for (const button of document.querySelectorAll("[data-range]"))
      button.setAttribute("aria-pressed", String(button.dataset.range === this.state.range));
    byId("now").hidden = Boolean(this.state.range);
  }

  /** Show the window of the answer, unless somebody is just writing another. */
  showWindow({ from, to }) {
    this.window = { from, to };
    const fields = [byId("from"), byId("to")];
    if (fields.includes(document.activeElement)) return;
    [from, to].forEach((instant, i) => (fields[i].value = wallClock(instant, zoneOf(this.state))));
  }

  /** Show the window that is asked for, before there is an answer. */
  showAsked() {
    const { range, from, to } = this.state;
    const now = Math.floor(Date.now() / 1000);
    this.showWindow(range ? { from: now - rangeSeconds(range), to: now } : { from, to });
  }

  /** Follow now again, over a named range or as long a one as fits what is shown. */
  pickRange(range) {
    const span = this.window.to - this.window.from;
    const buttons = [...document.querySelectorAll("[data-range]")].map((button) => button.dataset.range);
    const nearest = buttons.find((name) => rangeSeconds(name) >= span - 1) ?? buttons.at(-1);
    Object.assign(this.state, { range: range || nearest, from: null, to: null });
    this.#changed();
  }

  /** Show a window of epoch seconds, rounded to whole ones. */
  pickWindow(from, to) {
    const span = Math.min(Math.max(to - from, SHORTEST_S), LONGEST_S);
    const start = Math.round(from);
    Object.assign(this.state, {
      range: "",
      from: start,
      to: Math.max(Math.round(from + span), start + SHORTEST_S),
    });
    this.#changed();
  }

  /** Show twice as much, without a look into the future. */
  zoomOut() {
    this.#scale(2);
  }

  #move(share) {
    const step = (this.window.to - this.window.from) * share;
    this.pickWindow(this.window.from + step, this.window.to + step);
  }

  #scale(factor) {
    const { from, to } = this.window;
    const half = ((to - from) * factor) / 2;
    const latest = Math.max(Date.now() / 1000, to);
    const end = Math.min((from + to) / 2 + half, factor > 1 ? latest : Infinity);
    this.pickWindow(end - 2 * half, end);
  }

  #takeFields() {
    const [from, to] = ["from", "to"].map((name) => instantOf(byId(name).value, zoneOf(this.state)));
    if (from === null || to === null) return this.#refuse("Give both times, with date and time of day.");
    if (from >= to) return this.#refuse("The range must begin before it ends.");
    return this.pickWindow(from, to);
  }

  #refuse(text) {
    const place = byId("range-error");
    place.textContent = text;
    place.hidden = false;
    for (const name of ["from", "to"]) byId(name).setAttribute("aria-invalid", "true");
  }

  #changed() {
    byId("range-error").hidden = true;
    for (const name of ["from", "to"]) byId(name).removeAttribute("aria-invalid");
    this.showState();
    this.onChange("window");
  }
}

/** A line for the chart's hint: which buckets of which zone are shown. */
export function windowFacts({ interval }, state) {
  const spans = { minute: "1 minute", hour: "1 hour", day: "1 day", week: "1 week", month: "1 month" };
  const units = { s: "second", m: "minute", h: "hour", d: "day" };
  const [, n, unit] = /^(\d+)([smhd])$/.exec(interval) ?? [];
  const span = spans[interval] ?? (n ? `${n} ${units[unit]}${n === "1" ? "" : "s"}` : interval);
  const chosen = state.interval === "auto" ? ", chosen to fit" : "";
  return el("span", {}, `Buckets of ${span}${chosen}, in the zone ${zoneOf(state)}.`);
}
