"""What people and clocks may ask of signals: the starts of stages."""

from apps.signals.services.loads import start_load

__all__ = ["start_load"]
