// The list of metrics beside the chart: searched by text, beginning or pattern, chosen by check boxes.

import { byId, debounce, el } from "../dom.js";
import { plural } from "../format.js";
import { clearProblem, showProblem } from "../problems.js";
import { fetchMetrics } from "./answers.js";
import { withUnit } from "./numbers.js";
import { readable, utc } from "./zone.js";

const TYPING_PAUSE_MS = 200;
const HINTS = {
  search: "Finds the text anywhere in name and tags.",
  prefix: "Finds names that begin so, such as “web.”",
  match: "* and ? stay within a dot part, ** goes across; ;host=a* asks for a tag, ;* for any tags.",
};

/** Binds the panel; `onToggle(metric, isOn)` hears of a check box, `isChosen(key)` says which are ticked. */
export class Finder {
  constructor({ isChosen, onToggle, zone }) {
    this.calls = { isChosen, onToggle, zone };
    this.request = null;
    this.next = "";
    this.by = byId("search-by");
    this.text = byId("search-text");
    const soon = debounce(() => this.search(), TYPING_PAUSE_MS);
    this.text.addEventListener("input", soon);
    this.by.addEventListener("change", () => this.#changedKind());
    byId("finder").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    byId("more-results").addEventListener("click", () => this.#more());
    this.#hint();
  }

  /** Ask for the first page of what is searched, and show it; returns its metrics, null if that failed. */
  async search() {
    const page = await this.#ask({ by: this.by.value, text: this.text.value.trim() });
    if (!page) return null;
    byId("results").replaceChildren(...page.results.map((metric) => this.#row(metric)));
    this.#count(page);
    return page.results;
  }

  /** Tick what is chosen. */
  refresh() {
    for (const box of byId("results").querySelectorAll("input")) box.checked = this.calls.isChosen(box.value);
  }

  #changedKind() {
    this.#hint();
    if (this.text.value.trim()) this.search();
  }

  #hint() {
    byId("search-hint").textContent = HINTS[this.by.value];
  }

  async #more() {
    const page = await this.#ask({ next: this.next });
    if (!page) return;
    const rows = page.results.map((metric) => this.#row(metric));
    byId("results").append(...rows);
    this.#count(page);
    rows[0]?.querySelector("input").focus();
  }

  /** A page, null if it is no longer wanted or a problem is shown instead. */
  async #ask(wanted) {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    try {
      const page = await fetchMetrics({ ...wanted, signal: request.signal });
      clearProblem(byId("finder-problem"));
      return page;
    } catch (problem) {
      if (problem.name === "AbortError") return null;
      if (problem.name !== "Problem") throw problem;
      showProblem(byId("finder-problem"), problem);
      return null;
    }
  }

  #count(page) {
    this.next = page.next ?? "";
    byId("more-results").hidden = !this.next;
    const n = byId("results").querySelectorAll("input").length;
    const isNarrowed = Boolean(this.text.value.trim());
    const none = isNarrowed ? "No metric fits" : "No metrics";
    byId("found").textContent = n ? `${plural(n, "metric")}${this.next ? " of more" : ""}` : none;
  }

  #row(metric) {
    const box = el("input", { type: "checkbox", value: metric.metric });
    box.checked = this.calls.isChosen(metric.metric);
    box.addEventListener("change", () => this.calls.onToggle(metric, box.checked));
    return el(
      "label",
      { class: "found" },
      box,
      el("span", { class: "found-name" }, metric.metric),
      el("span", { class: "found-facts quiet" }, metric.type, this.#last(metric)),
    );
  }

  #last({ last_at: at, last_value: value, unit }) {
    if (!at) return null;
    const epochS = Date.parse(at) / 1000;
    const time = el("time", { datetime: at, title: utc(epochS), "data-localized": true });
    time.textContent = readable(epochS, this.calls.zone());
    return [" · ", withUnit(value, unit), " · ", time];
  }
}
