"""The test suite: files are behaviours, names are sentences."""
