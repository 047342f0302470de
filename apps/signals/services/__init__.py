"""What people and clocks may ask of signals: the starts of stages."""

from apps.signals.services.builds import start_build
from apps.signals.services.hydrations import prune_run, start_hydration
from apps.signals.services.loads import start_load

__all__ = ["prune_run", "start_build", "start_hydration", "start_load"]
