"""Points before they are stored: names, values and times, and the batch of one request. Pure."""
