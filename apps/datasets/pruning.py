"""What is no longer needed goes: old versions, unlisted segments, deleted datasets, evidence, files.

Every function may be killed anywhere and be run again. Nothing here decides when: `periodic.py` does.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.common.keeping import DELETED_AT_ONCE, KeepingRule
from apps.datasets.importing.announcing import ACTIVE
from apps.datasets.importing.part_files import drop_lost_parts, lost_parts
from apps.datasets.importing.publishing import lock_dataset
from apps.datasets.models import (
    Dataset,
    Import,
    ImportFile,
    Reject,
    Segment,
    Term,
    Upload,
    Version,
    VersionSegment,
)
from apps.datasets.reading.errors import ReadingError
from apps.datasets.states import DatasetStatus, SegmentState
from apps.datasets.storage.dropping import drop_segment
from apps.datasets.storage.stage import drop_stage, stage_import_nos, stage_table
from apps.datasets.tasks import run_import

# A reader that opened a version just before it was replaced, or an import that starts again, needs a while.
GRACE: Final = timedelta(hours=1)
WAITING_MAX: Final = timedelta(days=7)
ENDED: Final = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class MappingExpired(ReadingError):
    """Nobody decided about the import within seven days."""

    code = "datasets.mapping_expired"


class StillImporting(Conflict):
    """An import of the organization is still running."""

    code = "datasets.still_importing"


def drop_old_versions(now: datetime) -> int:
    """Mark the versions beyond each dataset's `keep_versions` as dropped; returns how many."""
    dropped = 0
    for dataset in _versioned().iterator():
        with transaction.atomic():
            # Locked, so that nobody restores a version at this moment.
            dropped += _old_versions(lock_dataset(dataset), now).update(dropped_at=now)
    return dropped


def count_old_versions(now: datetime) -> int:
    """Return how many versions `drop_old_versions` would drop."""
    return sum(_old_versions(dataset, now).count() for dataset in _versioned().iterator())


def _versioned() -> QuerySet[Dataset]:
    return Dataset.objects.living().filter(current_version__isnull=False)


def _old_versions(dataset: Dataset, now: datetime) -> QuerySet[Version]:
    kept = Version.objects.filter(dataset=dataset, dropped_at__isnull=True).order_by("-number")
    numbers = list(kept.values_list("number", flat=True))[dataset.keep_versions :]
    old = kept.filter(number__in=numbers, published_at__lt=now - GRACE)
    unpinned = old.filter(Q(pinned_until__isnull=True) | Q(pinned_until__lt=now))
    return unpinned.exclude(pk=dataset.current_version_id or "").order_by()


def drop_unlisted_segments(now: datetime) -> int:
    """Drop the segments that no kept version lists and no living import is making; returns how many."""
    dropping = mark_unlisted_segments(now)
    for segment in dropping:
        drop_segment(segment, segment.dataset.no)
    return len(dropping)


def mark_unlisted_segments(now: datetime) -> list[Segment]:
    """Move the segments that no kept version lists to dropping; returns all that are to be dropped."""
    listed = VersionSegment.objects.filter(segment=OuterRef("pk"), version__dropped_at__isnull=True)
    unlisted = Segment.objects.filter(~Exists(listed), state=SegmentState.LIVE)
    given_up = Segment.objects.filter(~_being_made(), state=SegmentState.STAGED, created_at__lt=now - GRACE)
    for segments in (unlisted, given_up):
        segments.update(state=SegmentState.DROPPING)
    return list(Segment.objects.filter(state=SegmentState.DROPPING).select_related("dataset"))


def give_up_deleted_datasets(now: datetime) -> int:
    """Drop all of deleted datasets but their segments, which are moved to dropping; returns how many.

    The datasets' own rows stay, because models and predictions cite them.
    """
    dropping = [SegmentState.DROPPING, SegmentState.DROPPED]
    left = Segment.objects.filter(dataset=OuterRef("pk")).exclude(state__in=dropping)
    files = ImportFile.objects.filter(source_import__dataset=OuterRef("pk")).exclude(storage_name="")
    deleted = Dataset.objects.filter(Exists(left) | Exists(files), deleted_at__isnull=False)
    datasets = [dataset for dataset in deleted if not dataset.imports.filter(status__in=ACTIVE).exists()]
    for dataset in datasets:
        _give_up(dataset, now)
    return len(datasets)


def erase_data(dataset: Dataset, now: datetime) -> None:
    """Drop versions, segments, evidence, terms and files of one dataset, here and now."""
    _give_up(dataset, now)
    for segment in Segment.objects.filter(dataset=dataset, state=SegmentState.DROPPING):
        drop_segment(segment, dataset.no)


def _give_up(dataset: Dataset, now: datetime) -> None:
    """Drop versions, evidence, terms and files; segments are moved last, so that a death half-way shows."""
    Version.objects.filter(dataset=dataset, dropped_at__isnull=True).update(dropped_at=now)
    for row in dataset.imports.order_by("no"):
        _delete_evidence(Reject.objects.filter(dataset_no=dataset.no, import_no=row.no))
    Term.objects.filter(dataset_no=dataset.no).delete()
    delete_source_files(ImportFile.objects.filter(source_import__dataset=dataset))
    kept = Segment.objects.filter(dataset=dataset).exclude(state=SegmentState.DROPPED)
    kept.update(state=SegmentState.DROPPING)


def purge_datasets(organization_id: uuid.UUID) -> None:
    """Remove the datasets of an organization with all they hold; raises StillImporting.

    Cancelled imports end by themselves; until then their worker writes what would be left behind.
    """
    datasets = Dataset.objects.filter(organization_id=organization_id)
    active = Import.objects.filter(dataset__in=datasets, status__in=ACTIVE)
    for row in active.exclude(cancel_requested_at__isnull=False):
        jobs.cancel(run_import, row)
    if active.exists():
        raise StillImporting
    for dataset in datasets:
        erase_data(dataset, timezone.now())
        # The database refuses to delete segments that are listed; their data is gone by now.
        dataset.versions.all().delete()


def drop_stage_tables(now: datetime) -> int:
    """Drop the stage tables without a living import, an hour after it ended; returns how many."""
    orphans = orphaned_stages(now)
    for number in orphans:
        drop_stage(stage_table(number))
    return len(orphans)


def orphaned_stages(now: datetime) -> list[int]:
    """Return the numbers of the imports whose stage tables nobody needs any more."""
    numbers = stage_import_nos()
    busy = Q(status__in=ACTIVE) | Q(finished_at__gte=now - GRACE)
    living = set(Import.objects.filter(busy, no__in=numbers).values_list("no", flat=True))
    return [number for number in numbers if number not in living]


def drop_evidence(now: datetime) -> int:
    """Delete evidence older than it is kept for; the counts on the imports stay."""
    return sum(_delete_evidence(rejects) for rejects in _old_evidence(now))


def count_evidence(now: datetime) -> int:
    """Return how many rejects `drop_evidence` would delete."""
    return sum(rejects.count() for rejects in _old_evidence(now))


def _old_evidence(now: datetime) -> Iterator[QuerySet[Reject]]:
    """Yield the rejects of each import that ended long ago."""
    limit = now - timedelta(days=settings.DATASETS_EVIDENCE_DAYS)
    old = Import.objects.filter(rejected__gt=0) | Import.objects.filter(duplicates__gt=0)
    for row in old.filter(finished_at__lt=limit, status__in=ENDED).select_related("dataset"):
        yield Reject.objects.filter(dataset_no=row.dataset.no, import_no=row.no)


def _delete_evidence(rejects: QuerySet[Reject]) -> int:
    """Delete the rejects of one import in batches; an import may have a million."""
    deleted = 0
    while numbers := list(rejects.order_by("seq").values_list("seq", flat=True)[:DELETED_AT_ONCE]):
        deleted += rejects.filter(seq__lte=numbers[-1]).delete()[0]
    return deleted


def drop_source_files(now: datetime) -> int:
    """Delete the uploaded files of imports that ended longer ago than they are kept for."""
    return delete_source_files(_old_files(now))


def count_source_files(now: datetime) -> int:
    """Return how many files `drop_source_files` would delete."""
    return _old_files(now).exclude(storage_name="").order_by().values("storage_name").distinct().count()


def _old_files(now: datetime) -> QuerySet[ImportFile]:
    limit = now - timedelta(days=settings.DATASETS_SOURCE_FILE_DAYS)
    return ImportFile.objects.filter(source_import__finished_at__lt=limit, source_import__status__in=ENDED)


def delete_source_files(files: QuerySet[ImportFile]) -> int:
    """Delete stored files and forget their names; members of one archive share a name.

    A file that an upload still holds, or another import, stays for these.
    """
    kept = files.exclude(storage_name="")
    names = list(kept.order_by().values_list("storage_name", flat=True).distinct())
    imports = list(kept.order_by().values_list("source_import_id", flat=True).distinct())
    deleted = 0
    for name in names:
        others = ImportFile.objects.filter(storage_name=name).exclude(source_import__in=imports)
        if others.exists() or Upload.objects.filter(storage_name=name).exists():
            continue
        default_storage.delete(name)
        deleted += 1
    kept.update(storage_name="")
    return deleted


def expire_waiting(now: datetime) -> int:
    """Fail the imports that have waited seven days for a decision; returns how many."""
    error = MappingExpired()
    waiting = Import.objects.filter(status=JobStatus.WAITING, updated_at__lt=now - WAITING_MAX)
    expired = 0
    for row in waiting:
        # Conditional, because somebody may decide at this moment.
        still = Import.objects.filter(pk=row.pk, status=JobStatus.WAITING)
        if still.update(
            status=JobStatus.FAILED, error_code=error.code, error_detail=error.detail, finished_at=now
        ):
            row.refresh_from_db()
            _end(row)
            expired += 1
    return expired


def settle_datasets() -> int:
    """Fail datasets that are processing while no import is: its worker died before its last word."""
    active = Import.objects.filter(dataset=OuterRef("pk"), status__in=ACTIVE)
    stuck = Dataset.objects.filter(~Exists(active), status=DatasetStatus.PROCESSING)
    return stuck.update(status=DatasetStatus.FAILED)


def _end(row: Import) -> None:
    for hook in (*run_import.change_hooks, *run_import.end_hooks):
        hook(row)


def _being_made() -> Exists:
    """Tell whether an import of the segment's dataset is active: it may own the staged segment."""
    imports = Import.objects.filter(dataset=OuterRef("dataset"), status__in=ACTIVE)
    return Exists(imports)


RULES: Final = (
    KeepingRule("datasets.versions", count=count_old_versions, drop=drop_old_versions),
    KeepingRule("datasets.stage_tables", count=lambda now: len(orphaned_stages(now)), drop=drop_stage_tables),
    KeepingRule("datasets.evidence", count=count_evidence, drop=drop_evidence),
    KeepingRule("datasets.source_files", count=count_source_files, drop=drop_source_files),
    KeepingRule("datasets.part_files", count=lambda now: len(lost_parts(now)), drop=drop_lost_parts),
)
