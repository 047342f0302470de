// The renames of a project: the form of a new one asks for its analysis, and the proposal's page opens.

import "./project.js";
import { byId } from "./dom.js";
import { Problem, call, clearProblem, showProblem } from "./problems.js";

const PLACE = /^(?<path>.+):(?<line>\d+):(?<column>\d+)$/;
const form = document.getElementById("new-rename");

function symbolOf(text) {
  const place = PLACE.exec(text.trim())?.groups;
  if (!place) return { qualified_name: text.trim() };
  return { path: place.path, line: Number(place.line), column: Number(place.column) };
}

function wishOf(fields) {
  const json = { project_id: form.dataset.project, new_name: fields.get("new_name") };
  if (fields.get("job_id")) {
    json.suggestion = { job_id: fields.get("job_id"), index: Number(fields.get("index")) };
    return json;
  }
  if (!fields.get("symbol").trim()) throw new Problem(422, { detail: "Say which symbol is to be renamed." });
  json.symbol = symbolOf(fields.get("symbol"));
  json.kind = fields.has("is_module") ? "module" : "symbol";
  json.mode = fields.has("syntactic") ? "syntactic" : "semantic";
  json.options = Object.fromEntries(["strings", "comments", "docs"].map((name) => [name, fields.has(name)]));
  return json;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem(byId("problem"));
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const json = wishOf(new FormData(form));
    const proposal = await call(form.getAttribute("action"), { method: "POST", json });
    window.location.assign(`${form.dataset.pages}${proposal.id}/`);
  } catch (problem) {
    showProblem(byId("problem"), problem);
    button.disabled = false;
  }
});
