// The pages of forecast models: they follow their topic, and their buttons and forms call the API.

import "./overview.js";
import { callByForms } from "./api-forms.js";

callByForms(document, () => window.location.reload());
