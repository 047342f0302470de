// The page of API keys: copying the one that is shown this once.

const button = document.getElementById("copy-key");

button?.addEventListener("click", async () => {
  const field = document.getElementById(button.dataset.copies);
  const told = document.getElementById("copied");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    told.textContent = "Copied.";
  } catch {
    // Without https browsers give no clipboard: the key is selected, so the keyboard copies it.
    told.textContent = "Press Ctrl+C to copy it.";
  }
});
