// A page of a project: its acts call the API, and what happens to the project is shown as it happens.

import htmx from "htmx.org";
import { callByForms } from "./api-forms.js";
import { byId } from "./dom.js";
import { live } from "./page-live.js";

const REFRESH_MS = 400;

const root = byId("project");
let timer = null;

function refreshSoon() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = null;
    const region = document.querySelector("[data-refreshes]");
    if (region && !isBusy(region)) htmx.trigger(region, "refresh");
  }, REFRESH_MS);
}

/** Tell whether somebody types in a region: what they wrote must not go. */
function isBusy(region) {
  const field = document.activeElement;
  return region.contains(field) && field.matches("input, textarea, select");
}

function hear({ type, data }) {
  const bar = document.querySelector(`[data-progress="${data?.id}"]`);
  if (type === "sync.progress" && bar) {
    bar.value = data.progress ?? 0;
    document.querySelector(`[data-stage="${data.id}"]`).textContent = data.stage ?? "";
    return;
  }
  refreshSoon();
}

callByForms(root, refreshSoon);
live.subscribe(root.dataset.topic, hear, { onReady: refreshSoon, onReset: refreshSoon });
live.pollWhileClosed(refreshSoon);
