"""Counts over all signals of an organization, kept between two hydrations, which alone write signals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, Max

from apps.accounts.permissions import Actor
from apps.signals.models import Hydration
from apps.signals.models.run import LIVE
from apps.signals.queries.relations import Record
from apps.signals.queries.selections import EXCLUDE, Selection

# Each hydration makes them stale; the time is for those of organizations that nobody looks at any more.
KEPT_S: Final = 300


def kept_counts(actor: Actor, selection: Selection, count: Callable[[], list[Record]]) -> list[Record]:
    """Return what `count` returns, or what it returned since the last hydration of the organization.

    Only counts over all signals are kept, so that each organization has few. They must depend on nothing but
    the rows of signals. Issues one query, none for a selection that is narrowed.
    """
    if replace(selection, absent=EXCLUDE) != Selection():
        return count()
    version = _version_of(actor)
    if version is None:
        return count()
    key = f"signals:counts:{actor.organization.pk}:{selection.absent}"
    kept = cache.get(key)
    if kept is not None and kept[0] == version:
        found: list[Record] = kept[1]
        return found
    # The version was read before the rows: a hydration that begins meanwhile makes another one.
    rows = count()
    cache.set(key, (version, rows), KEPT_S)
    return rows


def _version_of(actor: Actor) -> tuple[Any, ...] | None:
    """Return what each hydration that ends changes; None while one goes on, or before the first.

    Whoever loses a hydration's lease writes no more signals, and what was being written is there before the
    lease is lost: so nothing changes while none goes on.
    """
    facts = Hydration.objects.visible_to(actor).aggregate(
        ended=Count("pk"), last=Max("finished_at"), live=Count("pk", filter=LIVE)
    )
    return None if facts["live"] or not facts["ended"] else (facts["ended"], facts["last"])
