"""Hydrations and their diffs as they are shown."""

from django.db.models import OuterRef, QuerySet, Subquery

from apps.signals.models import Hydration, HydrationDiff, Signal


def listed_hydrations() -> QuerySet[Hydration]:
    """Return hydrations with graph, run and starter. One query a page."""
    return Hydration.objects.select_related("graph", "run", "created_by")


def with_signals(rows: QuerySet[HydrationDiff]) -> QuerySet[HydrationDiff]:
    """Add the signals of diff rows as `signal_id`, null where there is none (yet)."""
    named = Signal.objects.filter(
        organization=OuterRef("organization"), signal_key=OuterRef("signal_key")
    ).values("pk")
    return rows.annotate(signal_id=Subquery(named[:1]))
