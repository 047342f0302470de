"""Which version an answer reads, and the epoch under which it may be cached."""

from django.db.models import Q

from apps.common.errors import NotFound
from apps.datasets.models import Dataset, Version
from apps.datasets.queries.windows import Span


class VersionGone(NotFound):
    """That version is not kept any more.

    A dataset keeps its newest versions; older ones are dropped with their events.
    """

    code = "datasets.version_gone"


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
