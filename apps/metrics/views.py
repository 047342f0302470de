"""The explorer page."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.metrics.models import Metric

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
