// One dataset's page: it follows its topic, and its buttons and forms call the API.

import "./overview.js";
import { callByForms } from "./api-forms.js";

callByForms(document, () => window.location.reload());
