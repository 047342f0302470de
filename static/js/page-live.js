// The page's one live connection: everything on a page that listens shares it.

import { LiveConnection } from "./live.js";

export const live = new LiveConnection();
