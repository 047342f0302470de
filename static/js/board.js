// The triage board: filters apply as they are chosen, the list follows the live topic.

import "./overview.js";

const form = document.getElementById("filters");

form?.addEventListener("change", (event) => {
  if (event.target.matches("select")) form.requestSubmit();
});

// An empty filter says nothing: it stays out of the address, so that a link shows what was chosen.
form?.addEventListener("submit", () => {
  for (const field of form.querySelectorAll("select, input")) field.disabled = field.value === "";
});

// Coming back by the browser's history shows the form as it was left, its empty fields switched off.
window.addEventListener("pageshow", () => {
  for (const field of form?.querySelectorAll("select, input") ?? []) field.disabled = false;
});
