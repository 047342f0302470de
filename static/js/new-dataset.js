// The wizard's first step: choose files or name an address, send with progress, go on to the import's page.

import { sendFile } from "./datasets/tus.js";
import { byId, el } from "./dom.js";
import { count, duration, plural, size } from "./format.js";
import { call, clearProblem, Problem, showProblem } from "./problems.js";

const form = byId("upload");
const drop = byId("drop");
const picker = byId("files");
const maxBytes = Number(form.dataset.maxBytes);
const maxFiles = Number(form.dataset.maxFiles);
const SHOWN_EVERY_MS = 150;

let files = [];
let sending = null;

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
  suggestName(files[0]?.name);
  if (complaint) showProblem(byId("problem"), new Problem(413, { detail: complaint }));
  else clearProblem(byId("problem"));
  allow();
}

function suggestName(file = "") {
  const name = document.getElementById("name");
  if (name) name.placeholder = file.replace(/\.[^.]+$/, "");
}

/** Which of the sources is chosen: files or an address. */
function source() {
  return form.querySelector('[name="source"]:checked').value;
}

/** Let the form be sent once its source is complete. */
function allow() {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const isReady = source() === "url" ? byId("url").value.trim() !== "" : files.length > 0 && !complaintAbout(total);
  byId("submit").disabled = !isReady;
}

function complaintAbout(total) {
  if (files.length > maxFiles)
    return `${plural(files.length, "file")} are chosen; one import takes ${count(maxFiles)}.`;
  const large = files.find((file) => file.size > maxBytes);
  if (large) return `${large.name} holds ${size(large.size)}; one file takes ${size(maxBytes)}.`;
  if (total === 0 && files.length) return "The files are empty.";
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
  if (sending) return;
  form.querySelector('[name="source"][value="files"]').click();
  add(event.dataTransfer.files);
});
picker.addEventListener("change", () => {
  add(picker.files);
  picker.value = "";
});

for (const radio of form.querySelectorAll('[name="source"]')) {
  radio.addEventListener("change", () => {
    byId("source-files").hidden = source() !== "files";
    byId("source-url").hidden = source() !== "url";
    suggestName(source() === "files" ? files[0]?.name : byId("url").value.split(/[?#]/)[0].split("/").at(-1));
    allow();
  });
}
byId("url").addEventListener("input", () => {
  suggestName(byId("url").value.split(/[?#]/)[0].split("/").at(-1));
  allow();
});

const sample = document.getElementById("sample");
sample?.addEventListener("click", async () => {
  sample.disabled = true;
  try {
    const response = await fetch(sample.dataset.address);
    if (!response.ok) throw new Problem(response.status);
    add([new File([await response.blob()], "sample-city.csv", { type: "text/csv" })]);
  } catch (problem) {
    showProblem(byId("problem"), problem instanceof Problem ? problem : new Problem(0));
  }
  sample.disabled = false;
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
    name: text("name") || (document.getElementById("name")?.placeholder ?? ""),
    description: text("description"),
    zone: text("zone"),
    mode: form.querySelector('[name="mode"]:checked')?.value,
    duplicates: text("duplicates"),
    mapping: text("profile"),
    reject_limit: limit / 100,
    dry_run: byId("dry-run").checked,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value || value === 0));
}

async function send() {
  sending = new AbortController();
  const { signal } = sending;
  setSending(true);
  try {
    const from = source() === "url" ? { kind: "url", url: byId("url").value.trim() } : await sendFiles(signal);
    byId("sent-text").textContent = "Starting the import";
    const answer = await call(form.dataset.action, {
      method: "POST",
      json: { ...meta(), source: from },
      signal,
    });
    // A new dataset comes with its import; an import of an old one comes alone and names its dataset.
    const job = answer.import ?? answer;
    sending = null;
    window.location.assign(`${form.dataset.pages}${job.dataset}/imports/${job.id}/`);
  } catch (problem) {
    setSending(false);
    if (problem.name !== "AbortError") failed(problem);
  }
}

/** Send the files one after the other; the source that names them all. */
async function sendFiles(signal) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const progress = new Progress(total);
  const ids = [];
  let before = 0;
  for (const file of files) {
    const options = {
      endpoint: form.dataset.uploads,
      signal,
      onProgress: (sent) => progress.show(before + sent),
    };
    ids.push(await sendFile(file, options));
    before += file.size;
    progress.show(before);
  }
  return { kind: "upload", upload_ids: ids };
}

/** Shows how much was sent, how fast, and what is left; what was there before it began counts as sent. */
class Progress {
  constructor(total) {
    this.total = total;
    this.started = performance.now();
    this.first = null;
    this.shown = 0;
  }

  show(sent) {
    this.first ??= sent;
    const now = performance.now();
    if (sent < this.total && now - this.shown < SHOWN_EVERY_MS) return;
    this.shown = now;
    byId("sent").value = this.total ? sent / this.total : 0;
    byId("sent-text").textContent = `Uploading ${size(sent)} of ${size(this.total)}`;
    const seconds = (now - this.started) / 1000;
    const rate = seconds > 0.5 ? (sent - this.first) / seconds : 0;
    byId("sent-rate").textContent =
      rate > 0 && sent < this.total ? `${size(rate)}/s, ${duration((this.total - sent) / rate)} left` : "";
  }
}

function failed(problem) {
  if (problem.name !== "Problem") throw problem;
  showProblem(byId("problem"), problem);
  for (const field of ["name", "zone", "description"]) {
    const isWrong = problem.errors.some((error) => error.pointer === `/${field}`);
    document.getElementById(field)?.setAttribute("aria-invalid", String(isWrong));
  }
  if (problem.code === "datasets.name_taken") byId("name").focus();
}

function setSending(isSending) {
  if (!isSending) sending = null;
  byId("sending").hidden = !isSending;
  byId("submit").hidden = isSending;
  byId("cancel").hidden = !isSending;
  byId("sent").value = 0;
  byId("sent-rate").textContent = "";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (sending || byId("submit").disabled) return;
  clearProblem(byId("problem"));
  send();
});
byId("cancel").addEventListener("click", () => sending?.abort());
window.addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});

// What was dropped or chosen before this module was there.
add([...(window.takeEarlyDrops?.() ?? []), ...picker.files]);
picker.value = "";
