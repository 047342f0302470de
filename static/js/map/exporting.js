// The export of what the map shows: the link follows filters, view and resolution.

import { byId } from "../dom.js";
import { isEverything, parameter } from "./box.js";
import { filterQuery } from "./state.js";

const API = "/api/v1/export";

/** Bind the export form, if the page has one; `view()` gives state, answer and box of the moment. */
export function bindExport(view) {
  const form = document.getElementById("export");
  if (!form) return;
  const link = byId("export-link");
  // Written when it is about to be used: the map moves all the time.
  const write = () => {
    link.href = address(view());
  };
  for (const name of ["pointerdown", "focusin", "change"]) form.addEventListener(name, write);
  byId("export-section").addEventListener("toggle", write);
}

function address({ state, answer, view }) {
  const query = filterQuery(state);
  query.set("kind", byId("export-kind").value);
  query.set("format", byId("export-format").value);
  if (byId("export-kind").value === "cells" && answer) query.set("resolution", answer.resolution);
  if (!isEverything(view)) query.set("bbox", parameter(view));
  return `${API}?${query}`;
}
