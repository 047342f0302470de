"""Faults that are put into the files of a finished run; the others are part of its content."""

from apps.signals.sampling.graph import Graph
from apps.signals.sampling.options import RunPlan
from apps.signals.sampling.writing import RunFolder


def spoil(folder: RunFolder, plan: RunPlan, graph: Graph) -> None:
    """Put the faults of the plan into the files."""
