// The pages of forecast models: they follow their topic, and their buttons and forms call the API.

import "./overview.js";
import { callByForms } from "./api-forms.js";
import { lookWhileBusy, refreshRegion } from "./regions.js";

const card = () => document.querySelector("[data-card]");

callByForms(document, () => window.location.reload());
lookWhileBusy(card, () => refreshRegion(card));
