// The list of previews: time left, live rows, and the dialog that makes one and shows its secret this once.

import "./overview.js";
import { byId } from "./dom.js";
import { countDown, setClock } from "./previews/countdown.js";
import { prepareDialog, showShared } from "./previews/shared.js";
import { call, clearProblem, showProblem } from "./problems.js";

setClock(byId("sessions").dataset.serverTime);
countDown();

const dialog = document.getElementById("dialog");

if (dialog) {
  prepareDialog(dialog, () => {
    byId("create").hidden = false;
    byId("shared").hidden = true;
  });
  byId("new").addEventListener("click", () => {
    clearProblem(byId("problem"));
    dialog.showModal();
  });
  byId("create").addEventListener("submit", (event) => {
    event.preventDefault();
    create();
  });
}

async function create() {
  byId("make").disabled = true;
  clearProblem(byId("problem"));
  const label = byId("label").value.trim();
  const json = {
    project_id: byId("project").value,
    platform: byId("platform").value,
    ttl_s: Number(byId("ttl").value),
    max_devices: Number(byId("devices").value),
    access: byId("access").value,
    ...(label ? { label } : {}),
  };
  try {
    const made = await call(dialog.dataset.action, { method: "POST", json });
    showShared(made);
    byId("go").href = `${dialog.dataset.pages}${made.id}/`;
    byId("create").hidden = true;
    byId("shared").hidden = false;
    byId("shared-title").focus();
  } catch (problem) {
    showProblem(byId("problem"), problem);
  } finally {
    byId("make").disabled = false;
  }
}
