"""What a run's word on a signal means beside the word before it; pure."""

from dataclasses import dataclass

from apps.signals.states import ATTENTION_TYPES, EventType, SignalType


@dataclass(frozen=True, slots=True)
class Standing:
    """A signal's type and severity (0..100) in one run."""

    signal_type: str
    severity: int

    @property
    def needs_attention(self) -> bool:
        """Tell whether the type is one that somebody should look at."""
        return self.signal_type in ATTENTION_TYPES


def movement(before: Standing | None, after: Standing, *, event_delta: int) -> EventType | None:
    """Return regression or improvement if severity moved by at least `event_delta` (and at all).

    Never where the data are suspect, before or now: then neither figure says anything of the hospital.
    """
    if before is None or SignalType.SUSPECT_DATA in {before.signal_type, after.signal_type}:
        return None
    moved = after.severity - before.severity
    if not moved or abs(moved) < event_delta:
        return None
    return EventType.REGRESSION if moved > 0 else EventType.IMPROVEMENT
