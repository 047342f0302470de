"""Reads over published versions that are more than a queryset: selections, windows, aggregates."""
