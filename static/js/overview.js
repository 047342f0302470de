// The overview: cards refresh when one of their live topics says something, at most once a second. What says that it
// settles later (`settles_in_ms`) is read once more then: changes in between are not told again.

import { live } from "./page-live.js";
import { refreshRegion } from "./regions.js";

const REFRESH_MS = 1000;

const topics = cards().map((card) => card.dataset.topics.split(" ").filter(Boolean));
const finds = topics.map((_, place) => () => cards()[place]);
const timers = new Map();

/** The cards as they are now: a refresh may have put a new element in a card's place. */
function cards() {
  return [...document.querySelectorAll("[data-card]")];
}

function refreshSoon(place) {
  if (timers.has(place)) return;
  timers.set(
    place,
    setTimeout(() => {
      timers.delete(place);
      refreshRegion(finds[place]);
    }, REFRESH_MS),
  );
}

for (const [place, names] of topics.entries()) {
  const hear = ({ data }) => {
    refreshSoon(place);
    if (data?.settles_in_ms) setTimeout(() => refreshSoon(place), data.settles_in_ms);
  };
  for (const name of names) live.subscribe(name, hear, { onReset: () => refreshSoon(place) });
}
