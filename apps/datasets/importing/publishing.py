"""Publishing: one transaction under the dataset's row lock makes segments a version that readers see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max

from apps.datasets.importing.announcing import announce_dataset
from apps.datasets.models import Dataset, Import, Segment, Version, VersionSegment
from apps.datasets.queries.windows import period_end
from apps.datasets.reading.rows import Precision
from apps.datasets.states import SegmentState, next_dataset_status
from apps.datasets.storage.statistics import total


@dataclass(frozen=True, slots=True)
class Release:
    """What is to become a version: the segments it lists and what it says about itself."""

    segments: Sequence[Segment]
    published_at: datetime
    source_import: Import | None = None
    mapping: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)


def lock_dataset(dataset: Dataset) -> Dataset:
    """Lock and return a dataset's row: publishing, restoring and dropping come one after the other."""
    return Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)


def publish_version(dataset: Dataset, release: Release) -> Version:
    """Write version, manifest and pointer. `dataset` must be locked by the caller's transaction.

    The version itself is announced by the caller: for an import it follows the import's last state.
    """
    parent = dataset.current_version
    before = list(Segment.objects.of_version(parent.pk)) if parent else []
    zone = ZoneInfo(dataset.zone)
    changed_from, changed_to = changed_span(before, release.segments, zone) if parent else (None, None)
    totals = total(release.segments)
    last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(
        dataset=dataset,
        number=last + 1,
        parent=parent,
        source_import=release.source_import,
        event_count=totals.event_count,
        extent=totals.extent,
        first_at=totals.first_at,
        last_at=totals.last_at,
        precision_counts=totals.precision_counts,
        occupied=totals.occupied,
        changed_from=changed_from,
        changed_to=changed_to,
        mapping=dict(release.mapping),
        quality=dict(release.quality),
        published_at=release.published_at,
    )
    VersionSegment.objects.bulk_create(
        VersionSegment(version=version, segment=segment) for segment in release.segments
    )
    Segment.objects.filter(pk__in=[segment.pk for segment in release.segments]).update(
        state=SegmentState.LIVE
    )
    dataset.current_version = version
    dataset.status = next_dataset_status(dataset.status, "published")
    dataset.save(update_fields=["current_version", "status", "value_pivot", "updated_at"])
    announce_dataset(dataset)
    return version


def changed_span(
    before: Iterable[Segment], after: Iterable[Segment], zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """Return the period of the segments that came or went, to the end of their last event's own period.

    To the very end and no farther: the next month's answers stay kept when this one is swapped.
    """
    old = {segment.no: segment for segment in before}
    new = {segment.no: segment for segment in after}
    different = [(old | new)[number] for number in old.keys() ^ new.keys()]
    firsts = [segment.first_at for segment in different if segment.first_at]
    lasts = [
        period_end(segment.last_at, _coarsest(segment), zone) for segment in different if segment.last_at
    ]
    return min(firsts, default=None), max(lasts, default=None)


def _coarsest(segment: Segment) -> Precision:
    """Return the coarsest precision of a segment's events."""
    return Precision(max((int(precision) for precision in segment.precision_counts), default=0))
