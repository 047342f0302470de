// Regions of a page that the server renders anew: one request at a time for each, and none forgotten.
//
// What a request brings may be from before an event that came while it was under way, so the region is asked for once
// more afterwards. htmx would queue that, but forgets what waits for an element that the first answer replaced.

import htmx from "htmx.org";

const LOOK_MS = 5000;

const underWay = new WeakSet();
// The events about a region that was replaced are told of its parent; the request is the same.
const regionOf = new WeakMap();
const outrun = new Set();

/** Have the server render the element that `find()` gives by now; pass the same function each time. */
export function refreshRegion(find) {
  const region = find();
  if (!region) return;
  const wasUnderWay = underWay.has(region);
  if (!wasUnderWay) htmx.trigger(region, "refresh");
  // Under way by now, unless nothing has heard it: what was just replaced does not listen until it has settled.
  if (wasUnderWay || !underWay.has(region)) outrun.add(find);
}

/** Make a function that runs one `act` at a time, and one more if it was called meanwhile; its promise ends with the last. */
export function inTurn(act) {
  let running = null;
  let isWanted = false;
  async function run() {
    do {
      isWanted = false;
      await act();
    } while (isWanted);
  }
  return () => {
    isWanted = true;
    running ??= run().finally(() => (running = null));
    return running;
  };
}

/** Call `look` every few seconds while a region shows something as under way: no event says that one was lost. */
export function lookWhileBusy(find, look) {
  setInterval(() => {
    if (!document.hidden && find()?.querySelector('[data-tone="busy"]')) look();
  }, LOOK_MS);
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  underWay.add(detail.elt);
  regionOf.set(detail.xhr, detail.elt);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  underWay.delete(regionOf.get(detail.xhr));
  // What an answer brings is listened to when it has settled, not before.
  if (!detail.successful) askAgain();
});
document.addEventListener("htmx:afterSettle", askAgain);

function askAgain() {
  const finds = [...outrun];
  outrun.clear();
  finds.forEach(refreshRegion);
}
