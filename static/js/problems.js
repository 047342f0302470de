// Calls to the API, and its problem documents shown to people.

const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** An answer of the API that is not a success: RFC 9457 fields, or what stands in for them. */
export class Problem extends Error {
  constructor(status, body = {}, requestId = "") {
    super(body.detail || body.title || fallback(status));
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? [];
    this.body = body;
    this.requestId = body.request_id || requestId || "";
  }
}

function fallback(status) {
  if (status === 0) return "The server cannot be reached. Check the connection and try again.";
  if (status === 401) return "You are signed out. Sign in again.";
  return `The server answered with status ${status}.`;
}

/** Turn the parts of a failed answer into a Problem. */
export function problemOf(status, text, requestId) {
  try {
    return new Problem(status, JSON.parse(text), requestId);
  } catch {
    return new Problem(status, {}, requestId);
  }
}

/** Headers that an unsafe request needs: CSRF, and a key that makes a repeat harmless. */
export function unsafeHeaders() {
  return { "X-CSRFToken": csrfToken(), "Idempotency-Key": uniqueKey() };
}

/** A random key; `crypto.randomUUID` is missing on plain http from another machine. */
function uniqueKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** Call the API and return its JSON (null for an empty answer); throws Problem, or AbortError. */
export async function call(path, { method = "GET", json, signal, headers: more = {} } = {}) {
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") Object.assign(headers, unsafeHeaders());
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    const body = json === undefined ? undefined : JSON.stringify(json);
    response = await fetch(path, { method, headers, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text, response.headers.get("X-Request-Id"));
  return text ? JSON.parse(text) : null;
}

/** Show a problem in `place` (an element kept for it), with what was wrong where and the request id. */
export function showProblem(place, problem) {
  const body = document.createElement("div");
  const detail = document.createElement("strong");
  detail.textContent = problem.message;
  body.append(detail);
  if (problem.errors?.length) body.append(problemList(problem.errors));
  if (problem.requestId) {
    const id = document.createElement("span");
    id.className = "request-id";
    id.textContent = `Request ${problem.requestId}`;
    body.append(id);
  }
  const note = document.createElement("div");
  note.className = "note";
  note.dataset.tone = "bad";
  note.setAttribute("role", "alert");
  note.append(body);
  place.replaceChildren(note);
  place.hidden = false;
}

function problemList(errors) {
  const list = document.createElement("ul");
  for (const error of errors.slice(0, 8)) {
    const item = document.createElement("li");
    const where = error.pointer || error.parameter;
    item.textContent = where ? `${where}: ${error.detail}` : error.detail;
    list.append(item);
  }
  return list;
}

/** Take a shown problem away. */
export function clearProblem(place) {
  place.replaceChildren();
  place.hidden = true;
}
