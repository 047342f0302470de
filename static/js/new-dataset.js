// The wizard's first step: choose or drop files, send them with progress, go on to the import's page.

import { byId, el } from "./dom.js";
import { count, duration, plural, size } from "./format.js";
import { clearProblem, Problem, problemOf, showProblem, unsafeHeaders } from "./problems.js";

const form = byId("upload");
const drop = byId("drop");
const picker = byId("files");
const maxBytes = Number(form.dataset.maxBytes);
const maxFiles = Number(form.dataset.maxFiles);

let files = [];
let request = null;

function add(chosen) {
  for (const file of chosen) {
    if (!files.some((known) => known.name === file.name && known.size === file.size)) files.push(file);
  }
  showFiles();
}

function showFiles() {
  const rows = files.map((file) => {
    const remove = () => {
      files = files.filter((other) => other !== file);
      showFiles();
    };
    const button = el(
      "button",
      { type: "button", class: "button button-small", "aria-label": `Remove ${file.name}`, onclick: remove },
      "Remove",
    );
    return el(
      "li",
      {},
      el("span", { class: "name" }, file.name),
      el("span", { class: "quiet num" }, size(file.size)),
      button,
    );
  });
  byId("file-list").replaceChildren(...rows);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const complaint = complaintAbout(total);
  byId("submit").disabled = files.length === 0 || complaint !== "";
  const name = document.getElementById("name");
  if (name) name.placeholder = files[0]?.name.replace(/\.[^.]+$/, "") ?? "";
  if (complaint) showProblem(byId("problem"), new Problem(413, { detail: complaint }));
  else clearProblem(byId("problem"));
}

function complaintAbout(total) {
  if (files.length > maxFiles)
    return `${plural(files.length, "file")} are chosen; one import takes ${count(maxFiles)}.`;
  if (total > maxBytes) return `The files hold ${size(total)} together; one upload takes ${size(maxBytes)}.`;
  return "";
}

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.add("is-over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  drop.classList.remove("is-over");
  if (!request) add(event.dataTransfer.files);
});
picker.addEventListener("change", () => {
  add(picker.files);
  picker.value = "";
});

// --- zone

const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ownZoneButton = document.getElementById("own-zone");
if (ownZoneButton && ownZone && ownZone !== "UTC") {
  ownZoneButton.textContent = `Use ${ownZone}`;
  ownZoneButton.hidden = false;
  ownZoneButton.addEventListener("click", () => {
    byId("zone").value = ownZone;
  });
}

// --- sending

/** What the form says; fields that this form lacks or that are empty are left to the server's defaults. */
function meta() {
  const text = (id) => document.getElementById(id)?.value.trim() ?? "";
  const limit = Number.parseFloat(text("reject-limit"));
  const found = {
    name: text("name"),
    description: text("description"),
    zone: text("zone"),
    mode: form.querySelector('[name="mode"]:checked')?.value,
    duplicates: text("duplicates"),
    reject_limit: limit / 100,
    dry_run: byId("dry-run").checked,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value || value === 0));
}

function body() {
  const parts = new FormData();
  parts.append("meta", JSON.stringify(meta()));
  for (const file of files) parts.append("file", file, file.name);
  return parts;
}

// fetch() tells nothing about bytes sent, XMLHttpRequest does.
function send() {
  const started = performance.now();
  request = new XMLHttpRequest();
  request.open("POST", form.dataset.action);
  for (const [name, value] of Object.entries(unsafeHeaders())) request.setRequestHeader(name, value);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => showSent(event, started));
  request.addEventListener("load", answered);
  request.addEventListener("error", () => failed(new Problem(0)));
  request.addEventListener("abort", () => setSending(false));
  setSending(true);
  request.send(body());
}

function showSent({ loaded, total }, started) {
  const seconds = (performance.now() - started) / 1000;
  byId("sent").value = total ? loaded / total : 0;
  byId("sent-text").textContent =
    loaded < total
      ? `Uploading ${size(loaded)} of ${size(total)}`
      : "Uploaded; the server is checking the files";
  const rate = seconds > 0.5 ? loaded / seconds : 0;
  byId("sent-rate").textContent =
    rate && loaded < total ? `${size(rate)}/s, ${duration((total - loaded) / rate)} left` : "";
}

function answered() {
  if (request.status >= 400) {
    failed(problemOf(request.status, request.responseText, request.getResponseHeader("X-Request-Id")));
    return;
  }
  // A new dataset comes with its import; an import of an old one comes alone and names its dataset.
  const answer = JSON.parse(request.responseText);
  const job = answer.import ?? answer;
  window.location.assign(`${form.dataset.pages}${job.dataset}/imports/${job.id}/`);
}

function failed(problem) {
  setSending(false);
  showProblem(byId("problem"), problem);
  for (const field of ["name", "zone", "description"]) {
    const isWrong = problem.errors.some((error) => error.pointer === `/${field}`);
    document.getElementById(field)?.setAttribute("aria-invalid", String(isWrong));
  }
  if (problem.code === "datasets.name_taken") byId("name").focus();
}

function setSending(isSending) {
  if (!isSending) request = null;
  byId("sending").hidden = !isSending;
  byId("submit").hidden = isSending;
  byId("cancel").hidden = !isSending;
  byId("sent").value = 0;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request || files.length === 0) return;
  clearProblem(byId("problem"));
  send();
});
byId("cancel").addEventListener("click", () => request?.abort());
window.addEventListener("beforeunload", (event) => {
  if (request && request.readyState < XMLHttpRequest.DONE) event.preventDefault();
});
