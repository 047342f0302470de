"""What signals counts of itself for `/metrics`. No label names an organization, a graph or a facility."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Count

from apps.common.metrics import Figure
from apps.signals.models import Run, Signal
from apps.signals.states import RunStatus

Values = Iterator[tuple[tuple[str, ...], float]]


def _present() -> Values:
    yield (), float(Signal.objects.present().count())


def _runs() -> Values:
    counts = dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))
    for status in RunStatus:
        yield (status.value,), float(counts.get(status.value, 0))


# Asked at each scrape; `apps.py` registers them.
FIGURES: Final = (
    Figure("sextant_signals", "Signals that the current runs hold.", _present),
    Figure("sextant_signals_runs", "Runs by how far they have come.", _runs, labels=("status",)),
)
