// One preview: its state and uses follow the live topic, a zip is sent with progress, buttons call the API.

import "./overview.js";
import { byId } from "./dom.js";
import { size } from "./format.js";
import { live } from "./page-live.js";
import { countDown, setClock } from "./previews/countdown.js";
import { sha256 } from "./previews/sha256.js";
import { prepareDialog, showShared } from "./previews/shared.js";
import { call, clearProblem, Problem, problemOf, showProblem, unsafeHeaders } from "./problems.js";
import { lookWhileBusy, refreshRegion } from "./regions.js";

const TAKES_CONTENT = new Set(["pending", "uploading"]);
const MORE_TIME_S = 1200;

const preview = byId("preview");
const content = document.getElementById("content");
const dialog = document.getElementById("dialog");

let request = null;
let hasOpened = false;

// Who came is shown to those who share the preview alone.
const regions = ["state", "uses"].filter((id) => document.getElementById(id)).map((id) => () => byId(id));
const refresh = () => regions.forEach(refreshRegion);

/** The upload is offered while the session waits for content, the first or the next, and stays while one is sent. */
function showContent() {
  const { serverTime, status, nextStatus } = byId("state").dataset;
  setClock(serverTime);
  if (!content) return;
  content.hidden = !(request || TAKES_CONTENT.has(status) || TAKES_CONTENT.has(nextStatus));
  // On a telephone it stands far below the button that opened it.
  if (hasOpened && !content.hidden) {
    hasOpened = false;
    content.scrollIntoView({ block: "nearest" });
    byId("file").focus();
  }
}

document.addEventListener("htmx:afterSettle", showContent);
showContent();
countDown(refresh);
live.pollWhileClosed(refresh);
lookWhileBusy(() => preview, refresh);

// --- buttons

async function attempt(act, button) {
  button.disabled = true;
  clearProblem(byId("problem"));
  try {
    await act();
    refresh();
  } catch (problem) {
    showProblem(byId("problem"), problem);
  } finally {
    button.disabled = false;
  }
}

const api = (part, options = {}) => call(`${preview.dataset.api}/${part}`, { method: "POST", ...options });

const ACTS = {
  extend: () => api("extend", { json: { ttl_s: MORE_TIME_S } }),
  revisions: async () => {
    await api("revisions");
    hasOpened = true;
  },
  revoke: () => api("revoke"),
  token: async () => {
    showShared(await api("token"));
    dialog.showModal();
  },
  // By its path alone: this page may be reached under another name than the installation calls itself.
  open: async () => window.location.assign(new URL((await api("open")).url).pathname),
};

if (dialog) prepareDialog(dialog);

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  const remove = event.target.closest("[data-remove]");
  if (act) attempt(ACTS[act.dataset.act], act);
  if (remove) attempt(() => api(`devices/${remove.dataset.remove}`, { method: "DELETE" }), remove);
});

// --- content

document.getElementById("dev-server")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const url = byId("dev-url").value.trim();
  attempt(() => api("bundle", { json: { dev_server_url: url } }), event.submitter);
});

document.getElementById("file")?.addEventListener("change", ({ target }) => {
  if (target.files[0]) send(target.files[0]);
  target.value = "";
});

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!content || content.hidden || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    byId("drop").classList.add("is-over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (content && event.relatedTarget === null) byId("drop").classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  const file = event.dataTransfer?.files[0];
  if (!content || content.hidden || !file) return;
  event.preventDefault();
  byId("drop").classList.remove("is-over");
  if (!request) send(file);
});
document.getElementById("cancel")?.addEventListener("click", () => request?.abort());

async function send(file) {
  clearProblem(byId("problem"));
  if (file.size > Number(preview.dataset.maxBytes)) {
    const detail = `The zip has ${size(file.size)}; one upload takes ${size(Number(preview.dataset.maxBytes))}.`;
    showProblem(byId("problem"), new Problem(413, { detail }));
    return;
  }
  // fetch() tells nothing about bytes sent, XMLHttpRequest does.
  request = new XMLHttpRequest();
  setSending(true, "Computing the checksum");
  const body = new FormData();
  body.append("sha256", await sha256(file));
  body.append("size_bytes", String(file.size));
  body.append("bundle_file", file, file.name);
  request.open("POST", `${preview.dataset.api}/bundle`);
  const headers = { Accept: "application/json", "X-CSRFToken": unsafeHeaders()["X-CSRFToken"] };
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", showSent);
  request.addEventListener("load", answered);
  request.addEventListener("error", () => ended(new Problem(0)));
  request.addEventListener("abort", () => ended());
  request.send(body);
}

function showSent({ loaded, total }) {
  byId("sent").value = total ? loaded / total : 0;
  byId("sent-text").textContent =
    loaded < total ? `Uploading ${size(loaded)} of ${size(total)}` : "Uploaded; the server is checking it";
}

function answered() {
  const { status, responseText } = request;
  ended(status >= 400 ? problemOf(status, responseText, request.getResponseHeader("X-Request-Id")) : null);
}

function ended(problem = null) {
  request = null;
  setSending(false);
  if (problem) showProblem(byId("problem"), problem);
  refresh();
}

function setSending(isSending, text = "") {
  byId("upload").hidden = isSending;
  byId("sending").hidden = !isSending;
  byId("sent").value = 0;
  byId("sent-text").textContent = text;
}

window.addEventListener("beforeunload", (event) => {
  if (request) event.preventDefault();
});
