"""The clocks of signals; `config/schedule.py` says when each ticks. Two at once do no harm."""

import time
from typing import Final

from django.utils import timezone

from apps.common.locks import try_session_lock
from apps.signals import pruning
from apps.signals.discovery.gating import gate_graph
from apps.signals.discovery.registering import register_all
from apps.signals.models import Run, Signal
from apps.signals.services.pipelines import advance_pipelines
from apps.signals.states import RunStatus
from apps.signals.tasks import repair_stages

BETWEEN_SCANS_S: Final = 2.0


def discover_runs() -> None:
    """Register graphs and runs below RUNS_ROOT, apply the gate, and bring on what runs lack.

    Every process of web and worker asks for it when it starts. While there is no signal at all nobody should
    wait a minute for the second scan of files that lie there already: it follows at once.
    """
    repair_stages()
    _look()
    if not Signal.objects.exists() and Run.objects.filter(status=RunStatus.WAITING).exists():
        time.sleep(BETWEEN_SCANS_S)
        _look()
    advance_pipelines()


def _look() -> None:
    for graph in register_all():
        gate_graph(graph)


def prune_signals() -> None:
    """Drop what is past its time: runs beyond their graph's number, diffs, results of old builds."""
    with try_session_lock("signals.prune") as held:
        if held:
            for rule in pruning.RULES:
                rule.drop(timezone.now())
