"""Which version an answer reads, and the epoch under which it may be cached."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, ProgrammingError
from django.db.models import Q
from psycopg.errors import QueryCanceled, UndefinedTable

from apps.common.errors import Invalid, NotFound
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
    meets = Q()
    if span.end is not None:
        meets &= Q(changed_from__isnull=True) | Q(changed_from__lt=span.end)
    if span.start is not None:
        meets &= Q(changed_to__isnull=True) | Q(changed_to__gt=span.start)
    candidates = Version.objects.filter(meets, dataset_id=version.dataset_id, number__lte=version.number)
    return candidates.order_by("-number").first() or version
