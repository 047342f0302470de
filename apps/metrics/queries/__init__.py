"""Reads of metrics that are more than one table: the catalogue, the tree, the overview, series, points."""
