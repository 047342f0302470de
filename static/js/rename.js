// One proposal of a rename: decide file by file or edit by edit, preview exactly what would be written, apply that.

import { byId, el } from "./dom.js";
import { localizeTimes } from "./format.js";
import { live } from "./page-live.js";
import { Problem, call, clearProblem, problemOf, showProblem } from "./problems.js";
import { inTurn, lookWhileBusy } from "./regions.js";

const root = byId("project");
const api = root.dataset.api;
// 409: the state forbids it. 412: somebody was faster than this page.
const OUTRUN = new Set([409, 412]);
let preview = null;

/** Show the page as it is now; files that are open stay open. */
const refresh = inTurn(takeOver);

async function takeOver() {
  const answer = await fetch(root.dataset.address, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if ([...fresh.querySelectorAll("[data-region]")].some(({ id }) => !document.getElementById(id))) {
    window.location.reload();
    return;
  }
  for (const region of root.querySelectorAll("[data-region]")) {
    const found = fresh.getElementById(region.id);
    if (!found) region.replaceChildren();
    else if (region.id !== "decide" || !region.contains(document.activeElement)) takeRegion(region, found);
  }
  localizeTimes(root);
}

function takeRegion(region, found) {
  const open = [...region.querySelectorAll("details[open]")].map(({ id }) => id);
  region.replaceWith(found);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
}

/** Run an act; what it refuses is shown, and the page is shown as it is now. */
async function attempt(act, { forgets = true } = {}) {
  clearProblem(byId("problem"));
  if (forgets) forget();
  try {
    await act();
  } catch (error) {
    if (OUTRUN.has(error.status)) error.message = `${error.message} The page now shows how the proposal stands.`;
    showProblem(byId("problem"), error);
    byId("problem").scrollIntoView({ block: "nearest" });
  }
  if (forgets) await refresh();
}

async function decide(json) {
  const answer = await fetch(api, { credentials: "same-origin" });
  if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("X-Request-Id"));
  await call(`${api}/decisions`, { method: "POST", json, headers: { "If-Match": answer.headers.get("ETag") } });
}

function forget() {
  preview = null;
  const place = document.getElementById("outcome");
  if (place) place.hidden = true;
  const form = document.getElementById("apply");
  if (form) form.hidden = true;
}

function showPreview() {
  const place = byId("outcome");
  const failed = preview.checks.filter((check) => !check.ok);
  const lines = failed.map((check) => el("li", {}, el("span", { class: "badge", "data-tone": "bad" }, check.code), check.detail));
  const patch = el("a", { href: `${api}/patch`, download: "" }, "Download the patch");
  const verdict = preview.blocking ? "This cannot be applied yet:" : `All ${preview.checks.length} checks passed. `;
  place.replaceChildren(el("p", {}, el("strong", {}, verdict), preview.blocking ? null : patch), el("ul", { class: "checks" }, ...lines));
  place.hidden = false;
  const form = document.getElementById("apply");
  if (form) form.hidden = preview.blocking;
}

async function makePreview() {
  preview = await call(`${api}/preview`, { method: "POST" });
  showPreview();
}

async function apply(form, digest) {
  if (!digest) throw new Problem(409, { detail: "Preview it first." });
  const fields = new FormData(form);
  const json = { patch_digest: digest, accept_unscanned: fields.has("accept_unscanned") };
  if (fields.get("message").trim()) json.message = fields.get("message");
  await call(`${api}/apply`, { method: "POST", json });
}

async function showDiff(details) {
  const place = details.querySelector("[data-diff]");
  const answer = await fetch(`${api}/files/${details.dataset.file}/diff`, { credentials: "same-origin" });
  if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("X-Request-Id"));
  const lines = (await answer.text()).split("\n");
  place.replaceChildren(...lines.map((line) => el("span", { class: kindOf(line) }, line || " ")));
  place.hidden = false;
}

function kindOf(line) {
  if (line.startsWith("@@") || line.startsWith("diff ") || line.startsWith("index ")) return "place";
  if (line.startsWith("+++") || line.startsWith("---")) return "place";
  return { "+": "added", "-": "removed" }[line[0]] ?? "same";
}

root.addEventListener("click", ({ target }) => {
  const all = target.closest("[data-all]");
  const one = target.closest("[data-decide]");
  if (all) attempt(() => decide({ all: all.dataset.all }));
  if (one) {
    const id = Number(one.closest("[data-file]").dataset.file);
    attempt(() => decide({ items: [{ file_id: id, decision: one.dataset.decide }] }));
  }
  if (target.id === "preview") attempt(makePreview, { forgets: false });
  if (target.id === "reject") attempt(() => call(`${api}/reject`, { method: "POST" }));
});

root.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-edit]")) return;
  const id = Number(target.closest("[data-file]").dataset.file);
  attempt(() => decide({ items: [{ file_id: id, edits: { [target.dataset.edit]: target.checked } }] }));
});

root.addEventListener("submit", (event) => {
  if (event.target.id !== "apply") return;
  event.preventDefault();
  // Taken now: what is shown of the preview goes before the call.
  const digest = preview?.patch_digest;
  attempt(() => apply(event.target, digest));
});

// `toggle` does not bubble.
root.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.matches("details[data-file]") && target.open) attempt(() => showDiff(target), { forgets: false });
  },
  true,
);

function hear({ type, data }) {
  if (type === "proposal.changed" || (type === "job.changed" && data?.status !== "running")) refresh();
}

live.subscribe(root.dataset.topic, hear, { onReady: refresh, onReset: refresh });
live.pollWhileClosed(refresh);
lookWhileBusy(() => root, refresh);
