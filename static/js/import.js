// One import: progress over the websocket (or by asking, when there is none), its mapping, its result.

import htmx from "htmx.org";
import { byId } from "./dom.js";
import { count, duration } from "./format.js";
import { live } from "./page-live.js";
import { openMapping } from "./mapping.js";
import { call, clearProblem, showProblem } from "./problems.js";
import { lookWhileBusy } from "./regions.js";

const STAGES = {
  fetch: "Fetching the files",
  inspect: "Looking at the files",
  read: "Reading rows",
  index: "Building the index",
  check: "Checking what was stored",
  publish: "Publishing the version",
};
const COUNTS = ["rows_read", "accepted", "rejected", "duplicates"];

const FILES_EVERY_MS = 2000;

const root = () => byId("import");
let isRefreshing = false;
// Something happened while the page was fetched: what was fetched may be from before. Asked by its status, so that a
// mapping in which somebody chooses is not drawn anew for nothing.
let wasOutrun = false;
let filesTimer = null;

/** Show a state: the data of `import.changed`, or the API's import, which has the same fields. */
function show(job) {
  if (job.status !== root().dataset.status) {
    refresh();
    return;
  }
  for (const name of COUNTS) {
    const place = root().querySelector(`[data-count="${name}"]`);
    if (place) place.textContent = count(job[name]);
  }
  if (document.getElementById("progress")) showProgress(job);
  refreshFilesSoon();
}

/** The events count the import as a whole; what each file has come to is asked for. */
function refreshFilesSoon() {
  if (filesTimer) return;
  filesTimer = setTimeout(() => {
    filesTimer = null;
    const files = document.getElementById("files");
    if (files) htmx.trigger(files, "counts");
  }, FILES_EVERY_MS);
}

function showProgress(job) {
  byId("progress").value = job.progress;
  byId("percent").textContent = `${Math.floor(100 * job.progress)} %`;
  if (job.status === "running") byId("stage").textContent = STAGES[job.stage] ?? job.stage;
  byId("pace").textContent = paceText(job);
  const names = Object.keys(STAGES);
  for (const item of byId("stages").children) {
    const distance = names.indexOf(item.dataset.stage) - names.indexOf(job.stage);
    item.dataset.state = distance < 0 ? "done" : distance === 0 ? "now" : "next";
  }
}

function paceText({ status, rows_per_s: rate, eta_s: rest }) {
  if (status !== "running") return "";
  const parts = [];
  if (rate) parts.push(`${count(rate)} rows/s`);
  if (rest !== null && rest !== undefined) parts.push(`about ${duration(rest)} left`);
  return parts.join(" · ");
}

/** Another status means another page: the server renders what belongs to it. */
function refresh() {
  if (isRefreshing) {
    wasOutrun = true;
    return;
  }
  isRefreshing = true;
  htmx.trigger(root(), "refresh");
}

async function ask() {
  try {
    show(await call(root().dataset.api));
  } catch (problem) {
    if (problem.status !== 0) showProblem(byId("problem"), problem);
  }
}

async function act(button) {
  button.disabled = true;
  clearProblem(byId("problem"));
  try {
    show(await call(`${root().dataset.api}/${button.dataset.act}`, { method: "POST" }));
  } catch (problem) {
    showProblem(byId("problem"), problem);
    button.disabled = false;
  }
}

function opened() {
  isRefreshing = false;
  const mapping = document.getElementById("mapping");
  if (mapping) openMapping(mapping, { onConfirmed: refresh });
  const stage = document.getElementById("stage");
  if (stage)
    showProgress({
      status: root().dataset.status,
      stage: stage.dataset.stage,
      progress: byId("progress").value,
    });
  if (wasOutrun) {
    wasOutrun = false;
    ask();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) act(button);
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "import" || event.detail.elt?.id === "import") opened();
});
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, () => {
    isRefreshing = false;
  });
}

opened();
live.subscribe(
  `datasets.${root().dataset.dataset}`,
  (event) => {
    if (event.type === "import.changed" && event.data.import === root().dataset.import) show(event.data);
  },
  { onReady: ask, onReset: ask },
);
live.pollWhileClosed(ask);
lookWhileBusy(root, ask);
