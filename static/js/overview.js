// The overview: cards refresh when one of their live topics says something, at most once a second. What says that it
// settles later (`settles_in_ms`) is read once more then: changes in between are not told again.

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
    const hear = ({ data }) => {
      refreshSoon(card);
      if (data?.settles_in_ms) setTimeout(() => refreshSoon(card), data.settles_in_ms);
    };
    live.subscribe(topic, hear, { onReset: () => refreshSoon(card) });
  }
}
