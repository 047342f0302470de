"""Pages of metrics: the explorer, and the overview's card."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.metrics.models import Metric
from apps.metrics.queries.overview import NewMetric, overview_of

CARD_ROWS: Final = 6
SPARK_WIDTH: Final = 96
SPARK_HEIGHT: Final = 22
SPARK_MARGIN: Final = 2
# Ranges that end now, as the page's address and its buttons name them.
RANGES: Final = (
    ("15m", "15 min"),
    ("1h", "1 h"),
    ("6h", "6 h"),
    ("24h", "24 h"),
    ("7d", "7 d"),
    ("30d", "30 d"),
)
INTERVALS: Final = (
    ("auto", "Auto"),
    ("1s", "1 second"),
    ("10s", "10 seconds"),
    ("minute", "1 minute"),
    ("5m", "5 minutes"),
    ("15m", "15 minutes"),
    ("hour", "1 hour"),
    ("6h", "6 hours"),
    ("day", "1 day"),
    ("week", "1 week"),
    ("month", "1 month"),
)


@dataclass(frozen=True, slots=True)
class CardRow:
    """A metric of the card: its last value, and its hours as lines of an SVG image."""

    metric: Metric
    last_value: float | None
    lines: Sequence[str]


@require_safe
@page("metrics.view")
def explore(request: PageRequest) -> HttpResponse:
    """Show the explorer of the organization's metrics; what it charts is asked of the API."""
    context = {
        "explore_data": {
            "has_metrics": Metric.objects.visible_to(request.actor).exists(),
            "ranges": [name for name, _ in RANGES],
            "intervals": [name for name, _ in INTERVALS],
        },
        "ranges": RANGES,
        "intervals": INTERVALS,
        "may_write": request.actor.may("metrics.write"),
        "origin": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "metrics/explore.html", context)


@require_safe
@page("metrics.view")
def overview_card(request: PageRequest) -> HttpResponse:
    """Show how many metrics and points there are, and the metrics made last: a card of the overview."""
    overview = overview_of(request.actor, now=timezone.now())
    context = {
        "overview": overview,
        "rows": [_row(each) for each in overview.newest[:CARD_ROWS]],
        "width": SPARK_WIDTH,
        "height": SPARK_HEIGHT,
        "may_write": request.actor.may("metrics.write"),
    }
    return render(request, "metrics/_card.html", context)


def spark_lines(values: Sequence[float | None]) -> list[str]:
    """Return the points of one SVG polyline for each run of values, scaled to the image.

    A value between two empty hours is a line of no length, which round caps show as a dot.
    """
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    # Halves, because the difference of two large values may be too large itself.
    half = high / 2 - low / 2
    step = (SPARK_WIDTH - 2 * SPARK_MARGIN) / max(len(values) - 1, 1)
    lines: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        share = (value / 2 - low / 2) / half if half else 0.5
        x = SPARK_MARGIN + place * step
        y = SPARK_HEIGHT - SPARK_MARGIN - share * (SPARK_HEIGHT - 2 * SPARK_MARGIN)
        lines[-1].append(f"{x:.1f},{y:.1f}")
    return [_polyline(line) for line in lines if line]


def _polyline(points: Sequence[str]) -> str:
    return " ".join(points if len(points) > 1 else [*points, *points])


def _row(newest: NewMetric) -> CardRow:
    return CardRow(newest.metric, _last(newest.values), spark_lines(newest.values))


def _last(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return known[-1] if known else None
