"""What people and clocks may ask of signals: the starts of stages."""

from apps.signals.services.builds import start_build
from apps.signals.services.graphs import claim_graph, unclaimed_roots, update_graph
from apps.signals.services.hydrations import prune_run, start_hydration
from apps.signals.services.loads import start_load
from apps.signals.services.pipelines import start_pipeline

__all__ = [
    "claim_graph",
    "prune_run",
    "start_build",
    "start_hydration",
    "start_load",
    "start_pipeline",
    "unclaimed_roots",
    "update_graph",
]
