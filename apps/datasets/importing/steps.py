"""The import from claim to version, step by step (places.md section 8)."""

from django.db import transaction
from django.db.models import Avg
from django.utils import timezone

from apps.accounts.services import record_audit
from apps.common.jobs import JobCancelled, Run, Transient
from apps.datasets.importing import faults
from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import READING
from apps.datasets.importing.cleanup import start_over
from apps.datasets.importing.fetching import fetch, is_unchanged
from apps.datasets.importing.inspecting import inspect
from apps.datasets.importing.loading import TooManyRejects, load
from apps.datasets.importing.placing import check, place
from apps.datasets.importing.publishing import Release, lock_dataset, publish_version
from apps.datasets.importing.report import quality_report
from apps.datasets.models import Dataset, Event, Import, Segment
from apps.datasets.reading.errors import EmptyFile
from apps.datasets.states import ImportMode, Outcome


class BaseChanged(Transient):
    """Another version was published while the rows were compared with the one before."""

    code = "datasets.base_changed"


def carry_out(run: Run[Import]) -> None:
    """Run the steps that are not done yet. Ends the job itself, or leaves it waiting for a decision."""
    attempt = Attempt(run)
    has_news = fetch(attempt, timezone.now())
    faults.reach("after_fetch")
    if not has_news or is_unchanged(attempt):
        run.succeed(outcome=Outcome.UNCHANGED, stage="publish")
        return
    mapping = inspect(attempt)
    if mapping is None:
        return
    if attempt.has(READING) and not _stands_on_current(attempt, attempt.dataset):
        start_over(attempt)
    sample = load(attempt, mapping)
    outcome = judge(attempt)
    if outcome is not None:
        run.succeed(outcome=outcome, stage="publish")
        return
    place(attempt)
    publish(attempt, check(attempt, mapping, sample))
    faults.reach("after_publish")


def judge(attempt: Attempt) -> Outcome | None:
    """Decide whether what was read becomes a version: None if it does.

    Raises TooManyRejects above the limit, and EmptyFile where a version would lose every row unasked.
    """
    row, options = attempt.row, attempt.options
    # Divided, because 0.29 * 100 is less than 29 in floating point: a share equal to the limit passes.
    if row.rows_read and row.rejected / row.rows_read > options.reject_limit:
        raise TooManyRejects(
            f"{row.rejected:,} of {row.rows_read:,} rows were rejected; "
            f"at most {100 * options.reject_limit:.4g} % may be."
        )
    if options.dry_run:
        return Outcome.DRY_RUN
    if row.accepted or options.force:
        return None
    if options.mode is ImportMode.APPEND and row.rows_read:
        return Outcome.UNCHANGED
    raise EmptyFile("No row was accepted.")


def publish(attempt: Attempt, segment: Segment) -> None:
    """Make the segment part of a new version and end the job, in one transaction."""
    run, row = attempt.run, attempt.row
    run.progress(0.97, stage="publish")
    segments = [*attempt.kept_segments(), *([segment] if segment.rows else [])]
    quality = quality_report(attempt, segments)
    # Once there is one it stays.
    pivot = _mean_value(segment) if attempt.dataset.value_pivot is None else None
    with transaction.atomic():
        dataset = lock_dataset(attempt.dataset)
        if dataset.deleted_at is not None:
            raise JobCancelled
        if not _stands_on_current(attempt, dataset):
            raise BaseChanged
        if dataset.value_pivot is None:
            dataset.value_pivot = pivot
        release = Release(
            segments=segments,
            published_at=timezone.now(),
            source_import=row,
            mapping=row.mapping or {},
            quality=quality,
        )
        version = publish_version(dataset, release)
        record_audit(
            actor=row.created_by,
            verb="datasets.version_published",
            target=dataset,
            organization=dataset.organization,
            changes={"version": version.number, "event_count": version.event_count, "import": row.pk},
        )
        if not segment.rows:
            segment.delete()
        faults.reach("in_publish")
        run.succeed(outcome=Outcome.PUBLISHED, version=version, stage="publish")


def _stands_on_current(attempt: Attempt, dataset: Dataset) -> bool:
    """Tell whether the segments that stay are still those of the current version."""
    current = str(dataset.current_version_id) if dataset.current_version_id else None
    return attempt.options.mode is ImportMode.REPLACE or current == attempt.at.base_version


def _mean_value(segment: Segment) -> float | None:
    """Return the mean value of a segment's events, round which rollups will sum."""
    rows = Event.objects.filter(slab=segment.slab, dataset_no=segment.dataset.no, segment_no=segment.no)
    mean: float | None = rows.aggregate(mean=Avg("value"))["mean"]
    return mean
