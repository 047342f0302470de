// The controls beside the map: each reads and writes one part of the state.

import { byId, el } from "../dom.js";
import { count, plural } from "../format.js";
import { barsOf, bucketFor, Histogram } from "./histogram.js";

const SEARCH_FROM = 10;

/** Binds the side panel; `onChange(part)` hears which part of the state a person changed. */
export class Controls {
  constructor(state, onChange) {
    this.state = state;
    this.onChange = onChange;
    this.histogram = new Histogram(document.getElementById("histogram"), (from, to) => this.#pick(from, to));
    this.#bindDataset();
    this.#bindDates();
    this.#bindHours();
    this.#bindDisplay();
    this.#bindCategories();
  }

  #bindDataset() {
    const select = byId("dataset");
    select.value = this.state.dataset;
    select.addEventListener("change", () => {
      Object.assign(this.state, {
        dataset: select.value,
        categories: [],
        from: "",
        to: "",
        hourFrom: "",
        hourTo: "",
        weekdays: [],
        cell: "",
        camera: null,
      });
      this.showWindow();
      this.#showHours();
      this.onChange("dataset");
    });
  }

  #bindDates() {
    for (const name of ["from", "to"]) {
      byId(name).addEventListener("change", (event) => {
        this.state[name] = event.target.value;
        this.showWindow();
        this.onChange("window");
      });
    }
    byId("all-time").addEventListener("click", () => this.#pick("", ""));
    this.showWindow();
  }

  #pick(from, to) {
    Object.assign(this.state, { from, to });
    this.showWindow();
    this.onChange("window");
  }

  /** Show the time filter in the fields and on the histogram. */
  showWindow() {
    const { from, to } = this.state;
    byId("from").value = from;
    byId("to").value = to;
    byId("to").min = from;
    byId("all-time").hidden = !from && !to;
    this.histogram.select(from, to);
  }

  #bindHours() {
    for (const name of ["hourFrom", "hourTo"]) {
      byId(name).addEventListener("change", (event) => {
        this.state[name] = event.target.value;
        // One hour alone filters nothing: the other is taken from it until it is chosen.
        const other = name === "hourFrom" ? "hourTo" : "hourFrom";
        if (event.target.value === "" || this.state[other] === "") this.state[other] = event.target.value;
        this.#showHours();
        this.onChange("hours");
      });
    }
    for (const box of document.querySelectorAll('input[name="weekday"]')) {
      box.addEventListener("change", () => {
        const boxes = document.querySelectorAll('input[name="weekday"]:checked');
        this.state.weekdays = Array.from(boxes, ({ value }) => value);
        this.#showHours();
        this.onChange("hours");
      });
    }
    this.#showHours();
  }

  #showHours() {
    const { hourFrom, hourTo, weekdays } = this.state;
    byId("hourFrom").value = hourFrom;
    byId("hourTo").value = hourTo;
    for (const box of document.querySelectorAll('input[name="weekday"]'))
      box.checked = weekdays.includes(box.value);
    const isOn = hourFrom !== "" || weekdays.length > 0;
    byId("hours-note").textContent = isOn ? "filtered" : "all";
  }

  #bindDisplay() {
    for (const name of ["resolution", "palette", "measure"]) {
      const select = byId(name);
      select.value = this.state[name];
      select.addEventListener("change", () => {
        this.state[name] = select.value;
        this.onChange({ resolution: "cells", measure: "measure" }[name] ?? "colours");
      });
    }
    for (const radio of document.querySelectorAll('input[name="scale"]')) {
      radio.checked = radio.value === this.state.scale;
      radio.addEventListener("change", () => {
        this.state.scale = radio.value;
        this.onChange("colours");
      });
    }
  }

  #bindCategories() {
    byId("all-categories").addEventListener("click", () => {
      this.state.categories = [];
      for (const box of byId("categories").querySelectorAll("input")) box.checked = false;
      this.#noteCategories();
      this.onChange("categories");
    });
    byId("category-search").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const label of byId("categories").querySelectorAll("label")) {
        label.hidden = !label.textContent.toLowerCase().includes(wanted);
      }
    });
  }

  /** List the dataset's categories; ones the state names but the dataset lacks are dropped. */
  showCategories(categories) {
    const known = new Set(categories.map(({ text }) => text));
    this.state.categories = this.state.categories.filter((name) => known.has(name));
    const place = byId("categories");
    place.replaceChildren(
      place.firstElementChild,
      ...categories.map((category) => this.#categoryRow(category)),
    );
    byId("category-search").hidden = categories.length < SEARCH_FROM;
    byId("category-search").value = "";
    this.#noteCategories();
  }

  #categoryRow({ text, count: n }) {
    const box = el("input", { type: "checkbox", name: "category" });
    box.value = text;
    box.checked = this.state.categories.includes(text);
    box.addEventListener("change", () => this.#toggle(text, box.checked));
    return el("label", {}, box, el("span", { class: "name" }, text), el("span", { class: "num" }, count(n)));
  }

  #toggle(name, isOn) {
    const others = this.state.categories.filter((other) => other !== name);
    this.state.categories = isOn ? [...others, name] : others;
    this.#noteCategories();
    this.onChange("categories");
  }

  #noteCategories() {
    const chosen = this.state.categories.length;
    byId("category-note").textContent = chosen ? `${count(chosen)} chosen` : "all";
    byId("all-categories").hidden = chosen === 0;
  }

  /** Show the timeline's buckets as bars. */
  showTimeline(buckets, bucket) {
    this.histogram.show(barsOf(buckets, bucket), this.state.from, this.state.to);
    byId("window-note").textContent = buckets.length ? `One bar is a ${bucket}.` : "No events.";
  }

  /** The bucket that suits the dataset's span. */
  bucketOf(dataset) {
    const days = (new Date(dataset.last_at) - new Date(dataset.first_at)) / 86400000;
    return bucketFor(days, dataset.precisions);
  }

  /** Say which version of which zone is shown. */
  showDataset(dataset) {
    byId("dataset-facts").replaceChildren(
      `Version ${dataset.version} · ${plural(dataset.events, "event")} · ${dataset.zone} · `,
      el("a", { href: dataset.url }, "Details"),
    );
  }

  /** The totals of what the view holds. */
  showTotals({ events, cells, notes }) {
    byId("total-events").textContent = count(events);
    byId("total-cells").textContent = count(cells);
    byId("total-note").textContent = notes.join(" ");
  }
}
