// The bell in the page's head: how many notices are unread, as it changes.

import { live } from "./page-live.js";

const COUNT_URL = "/api/v1/notifications/unread-count";
const POLL_EVERY_MS = 30_000;

const bell = document.querySelector("[data-bell]");

function show({ count, count_capped: isCapped }) {
  const badge = bell.querySelector(".bell-count");
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  bell.querySelector(".bell-label").textContent =
    count === 0 ? "Notices" : `Notices: ${isCapped ? "more than 1,000" : count} unread`;
}

async function ask() {
  const response = await fetch(COUNT_URL, { headers: { Accept: "application/json" } });
  if (response.ok) show(await response.json());
}

if (bell) {
  live.subscribe(
    "notifications",
    ({ type, data }) => {
      if (type === "notification.unread_count") show(data);
    },
    { onReady: ask, onReset: ask },
  );
  live.pollWhileClosed(ask, POLL_EVERY_MS);
}
