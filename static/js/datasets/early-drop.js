// Holds files that are dropped before the wizard's module listens.
//
// A classic script in the head: it runs before anything is painted. Without it a browser would leave the page
// and open the file.

(() => {
  const held = [];
  const hold = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "drop") held.push(...event.dataTransfer.files);
  };
  const kinds = ["dragenter", "dragover", "drop"];
  for (const kind of kinds) document.addEventListener(kind, hold);

  /** Give what was dropped so far and hold nothing more: from now on the module listens. */
  window.takeEarlyDrops = () => {
    for (const kind of kinds) document.removeEventListener(kind, hold);
    return held.splice(0);
  };
})();
