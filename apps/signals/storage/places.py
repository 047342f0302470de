"""Where the folders of graphs and runs lie."""

from pathlib import Path

from django.conf import settings

from apps.signals.models import Run


def runs_root() -> Path:
    """Return the folder of all graphs."""
    return Path(settings.RUNS_ROOT)


def folder_of(run: Run) -> Path:
    """Return the folder of a run."""
    return runs_root() / run.graph.root / run.run_id
