// The overview: cards refresh when one of their live topics says something, at most once a second.

import htmx from "htmx.org";
import { live } from "./page-live.js";

const REFRESH_MS = 1000;

const cards = [...document.querySelectorAll("[data-card]")];

function refreshSoon(card) {
  if (card.refreshTimer) return;
  card.refreshTimer = setTimeout(() => {
    card.refreshTimer = null;
    htmx.trigger(card, "refresh");
  }, REFRESH_MS);
}

for (const card of cards) {
  for (const topic of card.dataset.topics.split(" ").filter(Boolean)) {
    live.subscribe(topic, () => refreshSoon(card), { onReset: () => refreshSoon(card) });
  }
}
