// One signal: its acts call the API with the state that the page shows; others' changes appear as they happen.

import { byId } from "./dom.js";
import { localizeTimes } from "./format.js";
import { live } from "./page-live.js";
import { Problem, call, clearProblem, problemOf, showProblem } from "./problems.js";
import { inTurn } from "./regions.js";

const root = byId("signal");
// 409: the state forbids it. 412: somebody was faster than this page.
const OUTRUN = new Set([409, 412]);
// While this page's own act runs: what it changes needs no note.
let isMine = false;

/** Fetch the page anew and take over its regions; what somebody is typing stays. */
const refresh = inTurn(takeOver);

async function takeOver() {
  const answer = await fetch(root.dataset.address, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of root.querySelectorAll("[data-region]")) {
    const found = fresh.getElementById(region.id);
    const seen = found?.outerHTML;
    if (!found || seen === region.dataset.seen) continue;
    const typed = typedIn(region);
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

/** The header that names the state which the page shows; throws a Problem if it is another one by now. */
async function seenState() {
  const { version, state } = byId("triage").dataset;
  const answer = await fetch(state, { credentials: "same-origin" });
  if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("X-Request-Id"));
  const found = await answer.json();
  if (found.version !== Number(version)) {
    throw new Problem(412, { detail: "Somebody else changed this signal before you did." });
  }
  return { "If-Match": answer.headers.get("ETag") };
}

async function submit(form) {
  const problem = byId("problem");
  clearProblem(problem);
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  isMine = true;
  const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  try {
    const headers = form.closest("#triage") ? await seenState() : {};
    await call(form.getAttribute("action"), { method: form.dataset.method, json: fields, headers });
    form.reset();
  } catch (error) {
    if (OUTRUN.has(error.status)) error.message = `${error.message} The page now shows how the signal stands.`;
    showProblem(problem, error);
    problem.scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
  await refresh();
  isMine = false;
}

root.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-method]")) return;
  event.preventDefault();
  submit(event.target);
});

function onChange(event) {
  const wasMine = isMine;
  const before = byId("triage").dataset.version;
  refresh().then(() => {
    if (wasMine || event.type !== "workflow.changed" || byId("triage").dataset.version === before) return;
    const note = byId("changed");
    note.textContent = `Changed just now: ${byId("status").textContent.toLowerCase()}.`;
    note.hidden = false;
  });
}

live.subscribe(root.dataset.topic, onChange, { onReady: refresh, onReset: refresh });
// A hydration changes thousands of signals and tells of itself alone.
live.subscribe("signals", (event) => event.type === "hydration.finished" && refresh());
live.pollWhileClosed(refresh);
