// The settings of a project: every form is a call to the API, then its region is shown as it is now.

import { callByForms } from "./api-forms.js";
import { byId } from "./dom.js";
import { localizeTimes } from "./format.js";

const root = byId("project");

async function refresh(_answer, element) {
  if (!element.closest("[data-region]")) {
    if (element.dataset.says) {
      const note = byId("saved");
      note.textContent = element.dataset.says;
      note.hidden = false;
      return;
    }
    window.location.reload();
    return;
  }
  const answer = await fetch(root.dataset.address, { credentials: "same-origin" });
  if (!answer.ok) {
    window.location.reload();
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of root.querySelectorAll("[data-region]")) {
    const found = fresh.getElementById(region.id);
    if (found) region.replaceWith(found);
  }
  localizeTimes(root);
}

callByForms(root, refresh);
