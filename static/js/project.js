// A page of a project: its acts call the API, and what happens to the project is shown as it happens.

import { callByForms } from "./api-forms.js";
import { byId } from "./dom.js";
import { live } from "./page-live.js";
import { lookWhileBusy, refreshRegion } from "./regions.js";

const REFRESH_MS = 400;

const root = byId("project");
let timer = null;
// Something happened while somebody typed: shown when they are done.
let wasBusy = false;

function refreshSoon() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = null;
    refreshRegion(idleRegion);
  }, REFRESH_MS);
}

function idleRegion() {
  const region = document.querySelector("[data-refreshes]");
  wasBusy = region !== null && isBusy(region);
  return wasBusy ? null : region;
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
root.addEventListener("focusout", () => wasBusy && refreshSoon());
live.subscribe(root.dataset.topic, hear, { onReady: refreshSoon, onReset: refreshSoon });
live.pollWhileClosed(refreshSoon);
lookWhileBusy(idleRegion, refreshSoon);
