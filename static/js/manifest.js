// The manifests of a project: what differs between two versions, asked of the API.

import { callByForms } from "./api-forms.js";
import { byId, el } from "./dom.js";
import { call, clearProblem, showProblem } from "./problems.js";

const WORDS = { added: "Added", removed: "Removed", changed: "Changed", renamed: "Renamed" };
const SHOWN = 500;

const form = document.getElementById("compare");
const place = document.getElementById("difference");

function nameOf(entry) {
  if (typeof entry === "string") return entry;
  const path = entry.path ?? entry.path_key ?? entry.to;
  const before = entry.old_path ?? entry.from;
  return before ? `${before} → ${path}` : path;
}

function listOf(kind, entries) {
  if (!entries?.length) return null;
  const more = entries.length > SHOWN ? el("p", { class: "quiet small" }, `and ${entries.length - SHOWN} more`) : null;
  return el(
    "section",
    {},
    el("h3", {}, `${WORDS[kind]}: ${entries.length}`),
    el("ul", { class: "plain-list mono small" }, ...entries.slice(0, SHOWN).map((entry) => el("li", {}, nameOf(entry)))),
    more,
  );
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem(byId("problem"));
  const asked = new URLSearchParams(new FormData(form));
  try {
    const found = await call(`${form.dataset.address}?${asked}`);
    const lists = Object.keys(WORDS).map((kind) => listOf(kind, found[kind])).filter(Boolean);
    place.replaceChildren(...(lists.length ? lists : [el("p", { class: "quiet" }, "These two versions hold the same files.")]));
  } catch (problem) {
    showProblem(byId("problem"), problem);
  }
});

callByForms(byId("project"), () => window.location.reload());
