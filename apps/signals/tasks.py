"""The jobs of signals, and what follows when one ends."""

from apps.signals.hydrating.job import run_hydration
from apps.signals.loading.job import run_load, settle_load
from apps.signals.models import RunLoad

__all__ = ["run_hydration", "run_load"]


@run_load.on_end
def follow_load(row: RunLoad) -> None:
    """Settle the run of a load that did not succeed."""
    settle_load(row)
