// Copying what the page shows: commands, and the link of the view.

import { byId } from "../dom.js";

/** Put a text into the clipboard; `source` is selected where a browser gives none. Returns what to tell. */
export async function copyText(text, source = null) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    // Without https browsers give no clipboard: what is selected the keyboard copies.
    if (!source) return text;
    getSelection().selectAllChildren(source);
    return "Press Ctrl+C to copy it.";
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) return;
  const source = byId(button.dataset.copies);
  document.querySelector("[data-copy-told]").textContent = await copyText(source.textContent, source);
});
