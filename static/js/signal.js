// One signal: its acts call the API with the state that the page shows; others' changes appear as they happen.

import { byId } from "./dom.js";
import { localizeTimes } from "./format.js";
import { live } from "./page-live.js";
import { call, clearProblem, showProblem } from "./problems.js";

const root = byId("signal");
// 409: the state forbids it. 412: somebody was faster than this page.
const OUTRUN = new Set([409, 412]);
let refreshing = null;
let again = false;

/** Fetch the page anew and take over its regions; what somebody is typing stays. */
function refresh() {
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = takeOver().finally(() => {
    refreshing = null;
    if (again) {
      again = false;
      refresh();
    }
  });
  return refreshing;
}

async function takeOver() {
  const answer = await fetch(root.dataset.address, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of root.querySelectorAll("[data-region]")) {
    const found = fresh.getElementById(region.id);
    if (!found || found.outerHTML === region.dataset.seen) continue;
    const typed = typedIn(region);
    const seen = found.outerHTML;
    region.replaceWith(found);
    found.dataset.seen = seen;
    typed.forEach(({ name, field, value, hadFocus }) => restore(found, name, field, value, hadFocus));
    localizeTimes(found);
  }
}

/** What was typed or chosen in a region's forms, as [form, field, value]. */
function typedIn(region) {
  return [...region.querySelectorAll("form[data-name]")].flatMap((form) =>
    [...form.elements]
      .filter((field) => field.name && field.type !== "hidden")
      .filter((field) => field.value !== initialValue(field) || field === document.activeElement)
      .map((field) => ({
        name: form.dataset.name,
        field: field.name,
        value: field.value,
        hadFocus: field === document.activeElement,
      })),
  );
}

function initialValue(field) {
  if (field.tagName !== "SELECT") return field.defaultValue;
  const chosen = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return chosen?.value ?? "";
}

function restore(region, name, fieldName, value, hadFocus) {
  const field = region.querySelector(`form[data-name="${name}"] [name="${fieldName}"]`);
  if (!field) return;
  field.value = value;
  if (hadFocus) field.focus();
}

async function submit(form) {
  const problem = byId("problem");
  clearProblem(problem);
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  try {
    await call(form.getAttribute("action"), {
      method: form.dataset.method,
      json: fields,
      headers: form.closest("#triage") ? { "If-Match": byId("triage").dataset.etag } : {},
    });
    form.reset();
  } catch (error) {
    if (OUTRUN.has(error.status)) error.message = `${error.message} The page now shows how the signal stands.`;
    showProblem(problem, error);
    problem.scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
  await refresh();
}

root.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-method]")) return;
  event.preventDefault();
  submit(event.target);
});

function onChange(event) {
  const wasMine = refreshing !== null;
  const before = byId("triage").dataset.etag;
  refresh().then(() => {
    if (wasMine || event.type !== "workflow.changed" || byId("triage").dataset.etag === before) return;
    const note = byId("changed");
    note.textContent = `Changed just now: ${byId("status").textContent.toLowerCase()}.`;
    note.hidden = false;
  });
}

live.subscribe(root.dataset.topic, onChange, { onReady: refresh, onReset: refresh });
live.pollWhileClosed(refresh);
