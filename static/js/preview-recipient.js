// What a recipient sees. The secret stands in the address's fragment, which browsers send to nobody; it goes
// to this site in a header alone. Nobody needs an account; the device's id is made and kept by the browser.

import { byId } from "./dom.js";
import { duration, size } from "./format.js";
import { secondsUntil, setClock } from "./previews/countdown.js";
import { call, clearProblem, showProblem } from "./problems.js";

const TOKEN = /sxp_[a-z2-7]{32}/;
const DEVICE_KEY = "sextant.device";
const PLATFORMS = { ios: "iOS", android: "Android", web: "Web" };
const HINTS = {
  ios: "Open the zip with the app that plays this project's bundles on your iPhone or iPad.",
  android: "Open the zip with the app that plays this project's bundles on your Android device.",
  web: "A zip of a website: unpack it and open it with a local web server.",
};
const WORDS = {
  pending: "Nothing was uploaded yet. This page shows it as soon as it is there.",
  uploading: "It is being uploaded.",
  validating: "It was uploaded and is being checked.",
  ready: "Ready.",
};
const RETRY_S = 15;

const root = byId("recipient");
const sessionKey = `sextant.preview.${root.dataset.publicId}`;

let token = tokenOf(window.location.hash) || remembered();
let found = null;
let timer = null;

const device = deviceId();

/** The token in a fragment or in a pasted link; empty if there is none. */
function tokenOf(text) {
  return TOKEN.exec(text)?.[0] ?? "";
}

/** What was set aside before a sign-in, whose way back knows no fragment. */
function remembered() {
  try {
    return tokenOf(sessionStorage.getItem(sessionKey) ?? "");
  } catch {
    return "";
  }
}

function setAside(value) {
  try {
    sessionStorage.setItem(sessionKey, value);
  } catch {
    // A browser that keeps nothing: the link is opened again after the sign-in.
  }
}

function deviceId() {
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(20)), (part) =>
    part.toString(16).padStart(2, "0"),
  ).join("");
  try {
    const kept = localStorage.getItem(DEVICE_KEY);
    if (kept) return kept;
    localStorage.setItem(DEVICE_KEY, fresh);
  } catch {
    // A browser that keeps nothing is a new device each time.
  }
  return fresh;
}

function show(state) {
  root.dataset.state = state;
  for (const name of ["loading", "enter", "found", "sign-in", "gone"]) byId(name).hidden = name !== state;
}

const ask = (what) =>
  call(`/api/v1/preview/${what}`, {
    method: "POST",
    json: { device_id: device },
    headers: { Authorization: `Preview ${token}` },
  });

function askAgain(seconds) {
  clearTimeout(timer);
  timer = setTimeout(resolve, seconds * 1000);
}

async function resolve() {
  try {
    found = await ask("resolve");
    setClock(found.server_time);
    showFound();
    askAgain(found.next_poll_s);
  } catch (problem) {
    fail(problem);
  }
}

function fail(problem) {
  clearTimeout(timer);
  if (problem.status === 404) {
    found = null;
    show("gone");
  } else if (problem.status === 401) {
    setAside(token);
    show("sign-in");
  } else {
    show("found");
    showProblem(byId("problem"), problem);
    askAgain(RETRY_S);
  }
}

function showFound() {
  show("found");
  byId("platform").textContent = PLATFORMS[found.platform] ?? found.platform;
  byId("name").textContent = found.project_name;
  document.title = `${found.project_name} · Preview`;
  byId("word").textContent = WORDS[found.status] ?? "";
  byId("wait").hidden = found.status === "ready";
  showBundle(found.bundle);
  showServer(found.dev_server_url);
  tick();
}

function showBundle(bundle) {
  byId("bundle").hidden = !bundle || found.status !== "ready";
  if (!bundle) return;
  byId("size").textContent = size(bundle.size_bytes);
  byId("sum").textContent = bundle.sha256;
  byId("hint").textContent = HINTS[found.platform] ?? "";
}

function showServer(url) {
  byId("server").hidden = !url;
  if (!url) return;
  byId("insecure").hidden = !found.insecure;
  byId("host").textContent = new URL(url).host;
  byId("visit").href = url;
}

/** Time runs out here without asking: the page ends by itself. */
function tick() {
  if (!found) return;
  const left = secondsUntil(found.expires_at);
  byId("left").textContent = duration(left);
  if (left <= 0) {
    found = null;
    clearTimeout(timer);
    show("gone");
  }
}

async function fetchBundle() {
  byId("fetch").disabled = true;
  clearProblem(byId("problem"));
  try {
    // By its path alone: this page may be reached under another name than the installation calls itself.
    window.location.assign(new URL((await ask("grants")).url).pathname);
  } catch (problem) {
    if (problem.status === 409 || problem.status === 429) showProblem(byId("problem"), problem);
    else fail(problem);
  } finally {
    byId("fetch").disabled = false;
  }
}

function open() {
  clearTimeout(timer);
  if (!token) {
    show("enter");
    return;
  }
  show("loading");
  resolve();
}

byId("fetch").addEventListener("click", fetchBundle);
byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenOf(byId("secret").value);
  byId("secret").setAttribute("aria-invalid", String(!token));
  if (token) open();
});
window.addEventListener("hashchange", () => {
  token = tokenOf(window.location.hash);
  open();
});
setInterval(tick, 1000);
open();
