"""Whether what is stored of a run agrees with its files, from the lines to one answer of the API."""
