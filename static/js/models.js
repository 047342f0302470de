// The pages of forecast models: they follow their topic, and their buttons and forms call the API.

import htmx from "htmx.org";
import "./overview.js";
import { callByForms } from "./api-forms.js";

const LOOK_MS = 3000;

callByForms(document, () => window.location.reload());

// A job may end between the page's making and its first subscription: while one is shown as under way, look again.
setInterval(() => {
  const card = document.querySelector("[data-card]");
  if (card?.querySelector('.badge[data-tone="busy"]')) htmx.trigger(card, "refresh");
}, LOOK_MS);
