"""The jobs of signals, and what follows when one ends."""

from apps.signals.building.job import run_build

__all__ = ["run_build"]
