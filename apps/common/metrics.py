"""The installation's own series at `/metrics`, beside those that django-prometheus counts.

All processes of one machine are seen in one scrape: they count in files of one folder
(config/shared_counting.py). What the database
knows (jobs by state, business counts) is asked at the scrape. No label names an organization or a person.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

JOB_SECONDS_BUCKETS: Final = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3_600)


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge that is asked for at each scrape; `read` returns values by label values."""

    name: str
    documentation: str
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    labels: tuple[str, ...] = ()


_figures: dict[str, Figure] = {}


def register_figure(figure: Figure) -> None:
    """Add a gauge; an app does so in `AppConfig.ready()`."""
    _figures[figure.name] = figure


def counting(name: str, documentation: str, count: Callable[[], int]) -> None:
    """Add a gauge of one number, such as how many datasets there are."""
    register_figure(Figure(name, documentation, lambda: [((), float(count()))]))


def exposition() -> bytes:
    """Return everything in Prometheus's text format."""
    asked = CollectorRegistry()
    asked.register(_Figures())
    return generate_latest(_counted()) + generate_latest(asked)


def read_counter(name: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and values of a counter, over all processes of this machine since they started."""
    return [
        (dict(sample.labels), sample.value)
        for family in _counted().collect()
        if family.name == name
        for sample in family.samples
        if sample.name == f"{name}_total"
    ]


def _counted() -> CollectorRegistry:
    """Return what the processes of this machine count."""
    if settings.METRICS_FOLDER is None:
        return REGISTRY
    counted = CollectorRegistry()
    MultiProcessCollector(counted, str(settings.METRICS_FOLDER))  # type: ignore[no-untyped-call]
    return counted


class _Figures(Collector):
    """The registered gauges."""

    def collect(self) -> Iterator[Any]:
        """Ask each of them."""
        for figure in _figures.values():
            family = GaugeMetricFamily(figure.name, figure.documentation, labels=figure.labels)
            for label_values, value in figure.read():
                family.add_metric(list(label_values), value)
            yield family


job_seconds = Histogram(
    "sextant_job_seconds",
    "How long attempts at jobs took.",
    ["kind", "outcome"],
    buckets=JOB_SECONDS_BUCKETS,
)
live_connections = Gauge("sextant_live_connections", "Open live connections.", multiprocess_mode="livesum")
answers_kept = Counter(
    "sextant_cache", "Answers that may be kept, by app and by whether one was.", ["app", "outcome"]
)
auth_failures = Counter("sextant_auth_failures", "Requests refused because of who calls.", ["code"])
outbound_blocked = Counter(
    "sextant_outbound_blocked", "Calls to other hosts that the address rules refused.", ["purpose"]
)
