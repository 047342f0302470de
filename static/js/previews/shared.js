// What opens a preview, shown this once: link, token and QR code, and the buttons that copy them.

import { byId } from "../dom.js";

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** Fill the panel with a new secret. */
export function showShared({ url, token, qr_svg: code }) {
  byId("link").value = url;
  byId("token").value = token;
  // As a picture it can do nothing; standing alone it has to name its namespace.
  const drawn = code.includes("xmlns=") ? code : code.replace("<svg ", `<svg xmlns="${SVG_NAMESPACE}" `);
  byId("qr").src = `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

/** Let a dialog be closed by its buttons; `onClose()` is called however it is closed. */
export function prepareDialog(dialog, onClose = () => {}) {
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) dialog.close();
    const copies = event.target.closest("[data-copies]");
    if (copies) copy(byId(copies.dataset.copies));
  });
  dialog.addEventListener("close", () => {
    for (const name of ["link", "token"]) byId(name).value = "";
    byId("qr").removeAttribute("src");
    byId("copied").textContent = "";
    onClose();
  });
}

async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    byId("copied").textContent = "Copied.";
  } catch {
    // Without https browsers give no clipboard: the text is selected, so the keyboard copies it.
    byId("copied").textContent = "Press Ctrl+C to copy it.";
  }
}
