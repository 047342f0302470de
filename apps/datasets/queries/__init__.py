"""Reads over published versions that are more than a queryset: selections, windows, aggregates."""

from apps.datasets.reading.rows import Bools, Floats, Int64s, Precision

__all__ = ["Bools", "Floats", "Int64s", "Precision"]
