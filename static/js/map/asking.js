// The ask box: a question in words, the answer, and openly what was understood, ignored or refused.

import { byId, el } from "../dom.js";
import { call, clearProblem, showProblem } from "../problems.js";

const API = "/api/v1/questions";

/** Bind the ask box, if the page has one; `dataset()` names the dataset that is shown. */
export function bindAsking(dataset) {
  const form = document.getElementById("ask");
  if (!form) return;
  const place = byId("asked");
  let request = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const question = byId("question").value.trim();
    if (!question) return;
    request?.abort();
    request = new AbortController();
    clearProblem(place);
    try {
      const json = { question, dataset: dataset() };
      show(place, await call(API, { method: "POST", json, signal: request.signal }));
    } catch (problem) {
      if (problem.name !== "AbortError") refuse(place, problem);
    }
  });
}

function show(place, answer) {
  place.replaceChildren(
    el("p", { class: "asked-answer" }, answer.answer),
    understood(answer.understood),
    words("Ignored", answer.ignored),
    ...(answer.notes ?? []).map((note) => el("p", { class: "hint small" }, note)),
    el("p", { class: "small" }, el("a", { href: answer.api_url }, "The same from the API")),
  );
  place.hidden = false;
}

function refuse(place, problem) {
  showProblem(place, problem);
  const { understood: parts = [], unknown = [], suggestions = [] } = problem.body;
  place.append(understood(parts), words("Not understood", unknown), words("Try", suggestions));
}

function understood(parts = []) {
  const rows = parts.flatMap((part) => [el("dt", {}, part.text), el("dd", {}, part.as)]);
  return rows.length ? el("dl", { class: "facts asked-parts" }, rows) : el("span");
}

function words(title, list = []) {
  return list.length ? el("p", { class: "small" }, `${title}: ${list.join(", ")}`) : el("span");
}
