// The form of a new project: the API makes it, and its page shows the first look at the repository.

import { byId } from "./dom.js";
import { call, clearProblem, showProblem } from "./problems.js";

const form = byId("new-project");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem(byId("problem"));
  const { url, tracked_ref: trackedRef, ...fields } = Object.fromEntries(
    [...new FormData(form)].filter(([, value]) => value.trim() !== ""),
  );
  if (url) fields.repo = trackedRef ? { url, tracked_ref: trackedRef } : { url };
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const project = await call(form.getAttribute("action"), { method: "POST", json: fields });
    window.location.assign(`${form.dataset.pages}${project.id}/`);
  } catch (problem) {
    showProblem(byId("problem"), problem);
    button.disabled = false;
  }
});
