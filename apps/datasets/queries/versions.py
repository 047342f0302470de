"""Which version an answer reads, and the epoch under which it may be cached."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, ProgrammingError
from django.db.models import Expression, Q, QuerySet
from psycopg.errors import QueryCanceled, UndefinedTable

from apps.common.errors import Invalid, NotFound
from apps.common.prepared import Prepared
from apps.datasets.models import Dataset, Version
from apps.datasets.queries.windows import Span


class VersionGone(NotFound):
    """That version is not kept any more.

    A dataset keeps its newest versions; older ones are dropped with their events.
    """

    code = "datasets.version_gone"


class ReadTooLong(Invalid):
    """The question takes longer than the installation allows.

    Ask for a smaller area, a shorter window, or fewer conditions that few events fulfil.
    """

    code = "datasets.read_too_long"


@contextmanager
def reading_events() -> Iterator[None]:
    """Raise ReadTooLong at the statement time, VersionGone for a partition dropped under the reader."""
    try:
        yield
    except ProgrammingError as error:
        # Partitions are named outright; one that is gone belonged to a version that was just dropped.
        if isinstance(error.__cause__, UndefinedTable):
            raise VersionGone from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise ReadTooLong from error
        raise


def readable_version(dataset: Dataset, number: int) -> Version:
    """Return a version that is kept; raises VersionGone. One query."""
    version = Version.objects.filter(dataset=dataset, number=number, dropped_at__isnull=True).first()
    if version is None:
        raise VersionGone
    return version


def epoch_of(version: Version, span: Span) -> Version:
    """Return the oldest version with exactly this version's data in the window.

    That is the newest one, up to the version, whose changes meet the window. One query, none for an open
    window.
    """
    if span.is_open:
        return version
    edges = {name: edge for name, edge in (("start", span.start), ("end", span.end)) if edge is not None}
    return (
        _EPOCHS[frozenset(edges)].first(dataset=version.dataset_id, number=version.number, **edges) or version
    )


def _epoch(dataset: Expression, number: Expression, **edges: Expression) -> QuerySet[Version]:
    meets = Q()
    if "end" in edges:
        meets &= Q(changed_from__isnull=True) | Q(changed_from__lt=edges["end"])
    if "start" in edges:
        meets &= Q(changed_to__isnull=True) | Q(changed_to__gt=edges["start"])
    candidates = Version.objects.filter(meets, dataset_id=dataset, number__lte=number)
    return candidates.order_by("-number")[:1]


# By the edges that a window has: each map question asks it, and to compile it takes longer than the answer.
_EPOCHS: Final = {
    frozenset(edges): Prepared(_epoch, "dataset", "number", *edges)
    for edges in (("start",), ("end",), ("start", "end"))
}
