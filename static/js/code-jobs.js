// The jobs of a project: a new one is started here, and its page opens.

import "./project.js";
import { byId } from "./dom.js";
import { call, clearProblem, showProblem } from "./problems.js";

const form = document.getElementById("new-job");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem(byId("problem"));
  const { globs, ...fields } = Object.fromEntries(new FormData(form));
  const json = { ...fields, project_id: form.dataset.project };
  if (globs.trim()) json.targets = { globs: globs.split(/[\s,]+/).filter(Boolean) };
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const job = await call(form.getAttribute("action"), { method: "POST", json });
    window.location.assign(`${form.dataset.pages}${job.id}/`);
  } catch (problem) {
    showProblem(byId("problem"), problem);
    button.disabled = false;
  }
});
