"""Reads of metrics: which series there are, and what their points say."""
