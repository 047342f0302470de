// Browsing code: a branch is switched to as it is chosen; the permalink keeps the line that is marked.

const form = document.querySelector("[data-ref-switch]");
const select = form?.querySelector("select");

form?.querySelector("button")?.classList.add("visually-hidden");
select?.addEventListener("change", () => form.requestSubmit());

// The published head says nothing: it stays out of the address.
form?.addEventListener("submit", () => {
  select.disabled = select.value === "";
});
window.addEventListener("pageshow", () => {
  if (select) select.disabled = false;
});

const permalink = document.querySelector("[data-permalink]");

function followLine() {
  if (permalink) permalink.hash = window.location.hash;
}

window.addEventListener("hashchange", followLine);
followLine();
