// The board of jobs: progress moves live, another status or row has the server render the board again.

import { byId } from "./dom.js";
import { live } from "./page-live.js";
import { call, clearProblem, showProblem } from "./problems.js";
import { lookWhileBusy, refreshRegion } from "./regions.js";

const REFRESH_MS = 1000;

const board = () => byId("jobs");

let refreshTimer = null;

function refreshSoon() {
  if (refreshTimer) return;
  refreshTimer = setTimeout(() => {
    refreshTimer = null;
    refreshRegion(board);
  }, REFRESH_MS);
}

function show({ data: job }) {
  const bar = document.querySelector(`[data-progress="${job.id}"]`);
  if (!bar || job.status !== "running") {
    refreshSoon();
    return;
  }
  bar.value = job.progress;
  document.querySelector(`[data-stage="${job.id}"]`).textContent = job.stage;
}

async function act(button) {
  button.disabled = true;
  clearProblem(byId("problem"));
  try {
    await call(button.dataset.jobAct, { method: "POST" });
    refreshSoon();
  } catch (problem) {
    showProblem(byId("problem"), problem);
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-job-act]");
  if (button) act(button);
});

live.subscribe("jobs", show, { onReady: refreshSoon, onReset: refreshSoon });
live.pollWhileClosed(refreshSoon);
lookWhileBusy(board, refreshSoon);
