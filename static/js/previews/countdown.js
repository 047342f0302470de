// Time left, counted by the server's clock: a device whose clock is wrong still shows the right rest.

import { duration } from "../format.js";

const EVERY_MS = 1000;

let aheadMs = 0;

/** Take over the server's clock, as an ISO time. */
export function setClock(serverTime) {
  const server = Date.parse(serverTime);
  if (!Number.isNaN(server)) aheadMs = server - Date.now();
}

/** Seconds from now, by the server's clock, until an ISO time. */
export function secondsUntil(until) {
  return (Date.parse(until) - aheadMs - Date.now()) / 1000;
}

/** Keep every [data-until] of the page current; `onEnd(element)` is called once for each that runs out. */
export function countDown(onEnd = () => {}) {
  const tick = () => {
    for (const element of document.querySelectorAll("[data-until]:not([data-ended])")) {
      const left = secondsUntil(element.dataset.until);
      element.textContent = left > 0 ? `${duration(left)} left` : "ended";
      if (left > 0) continue;
      element.dataset.ended = "";
      onEnd(element);
    }
  };
  tick();
  setInterval(tick, EVERY_MS);
  document.addEventListener("htmx:afterSettle", tick);
}
