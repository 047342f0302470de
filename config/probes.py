"""Looks at the processes that no request passes through: the clock and the workers."""

from typing import Final

from django.db.models import Max
from django.utils import timezone

from apps.common.metrics import Figure, register_figure
from apps.common.probes import Degraded, Facts, Probe, register_probe
from config.celery import app
from config.models import ClockState

SILENT_S: Final = 180.0
ANSWER_S: Final = 1.0


def register_probes() -> None:
    """Add both to `/healthz`, and the clock's silence to `/metrics`."""
    register_probe(Probe("beat", probe_beat))
    register_probe(Probe("workers", probe_workers))
    register_figure(Figure("sextant_beat_silent_seconds", "How long ago the last clock ticked.", _silence))


def probe_beat() -> Facts:
    """Require that some clock ticked within three minutes; most tick every few seconds."""
    silent_s = _silent_s()
    facts = {"silent_s": silent_s}
    if silent_s is None or silent_s > SILENT_S:
        raise Degraded(facts)
    return facts


def _silent_s() -> float | None:
    newest = ClockState.objects.aggregate(at=Max("started_at"))["at"]
    return round((timezone.now() - newest).total_seconds(), 1) if newest else None


def _silence() -> list[tuple[tuple[str, ...], float]]:
    silent_s = _silent_s()
    return [] if silent_s is None else [((), silent_s)]


def probe_workers() -> Facts:
    """Ask every worker for a sign of life, through the broker; raises what the broker's client raises."""
    answers = app.control.ping(timeout=ANSWER_S) or []
    facts = {"workers": len(answers)}
    if not answers:
        raise Degraded(facts)
    return facts
