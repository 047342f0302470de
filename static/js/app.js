// Every page: local times, htmx with our CSRF header, the account menu, failed fragments.

import htmx from "htmx.org";
import "./bell.js";
import { localizeTimes } from "./format.js";
import { problemOf, showProblem } from "./problems.js";

// Nothing here may evaluate text or write style elements: the content security policy forbids both.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;

localizeTimes();

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.headers["X-CSRFToken"] = token;
});

document.addEventListener("htmx:load", (event) => localizeTimes(event.detail.elt));

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    const request = event.detail.xhr;
    const requestId = request.status ? request.getResponseHeader("X-Request-Id") : "";
    showProblem(event.detail.target, problemOf(request.status, request.responseText ?? "", requestId));
  });
}

// The menu is a <details>: it closes on Escape and on a click outside, as people expect of a menu.
for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
