// Forms and buttons that call the API: <form action data-method> and <button data-call data-method>.
//
// Of a form's fields checkboxes become true or false, `data-type="number"` a number, `data-type="lines"` a list; what
// is empty is left out, or null with `data-empty="null"`. `data-under` puts a field into an object of that name.

import { byId } from "./dom.js";
import { call, clearProblem, showProblem } from "./problems.js";

/** What a form says, as JSON for the API. */
export function fieldsOf(form) {
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    const value = valueOf(field);
    if (value === undefined) continue;
    const place = field.dataset.under ? (found[field.dataset.under] ??= {}) : found;
    place[field.name] = value;
  }
  return found;
}

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  const text = field.value;
  if (field.dataset.type === "lines") return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (text.trim() === "") return field.dataset.empty === "null" ? null : undefined;
  return field.dataset.type === "number" ? Number(text) : text;
}

/**
 * Let the forms and buttons below `root` call the API. `done(answer, element)` comes after a success; without it
 * `data-next` says where to go then, `{id}` standing for the answer's id.
 */
export function callByForms(root, done) {
  root.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-method]")) return;
    event.preventDefault();
    const form = event.target;
    act(form, form.querySelector('[type="submit"]'), form.getAttribute("action"), fieldsOf(form), done);
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-call]");
    if (button) act(button, button, button.dataset.call, undefined, done);
  });
}

async function act(element, button, address, json, done) {
  const problem = byId("problem");
  clearProblem(problem);
  if (button) button.disabled = true;
  try {
    // By attribute: a field called `dataset` hides the form's own.
    const method = element.getAttribute("data-method") ?? "POST";
    const answer = await call(address, { method, json: emptied(json) });
    const next = element.getAttribute("data-next");
    if (next) {
      window.location.assign(next.replace("{id}", answer?.id ?? ""));
      return;
    }
    await done?.(answer, element);
  } catch (error) {
    showProblem(problem, error);
    problem.scrollIntoView({ block: "nearest" });
  }
  if (button) button.disabled = false;
}

const emptied = (json) => (json && Object.keys(json).length === 0 ? undefined : json);
