"""The jobs on storage behind the readers: `datasets.rollup`, `datasets.drop`, `datasets.reindex`."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from apps.common.jobs import JobCancelled, Run, job
from apps.datasets.models import Dataset, Segment, Upkeep
from apps.datasets.reindexing import reindex_dataset
from apps.datasets.states import SegmentState, UpkeepKind
from apps.datasets.storage.dropping import drop_segment
from apps.datasets.storage.rollups import (
    MIN_ROWS,
    build_rollup,
    chosen_resolutions,
    is_worth_rollups,
    note_rollups,
    unlist_rollups,
)

QUEUED_AT_ONCE: Final = 500
KEPT: Final = timedelta(days=30)


@job(
    kind="datasets.rollup",
    model="datasets.Upkeep",
    queue="low_priority",
    organization_path="dataset__organization_id",
    only={"kind": UpkeepKind.ROLLUP},
    is_resumable=True,
)
def run_rollup(run: Run[Upkeep]) -> None:
    """Build the rollups of one segment; those that stand already are built anew, from the same rows."""
    segment, dataset = run.row.segment, run.row.dataset
    if segment is None or segment.state != SegmentState.LIVE or dataset.deleted_at is not None:
        raise JobCancelled
    build_rollups(segment, dataset, run)
    run.succeed(stage="rollup")


@job(
    kind="datasets.drop",
    model="datasets.Upkeep",
    queue="low_priority",
    organization_path="dataset__organization_id",
    only={"kind": UpkeepKind.DROP},
    is_resumable=True,
)
def run_drop(run: Run[Upkeep]) -> None:
    """Drop the rows, rollups and parts of a segment that nobody can reach any more."""
    segment = run.row.segment
    if segment is None or segment.state != SegmentState.DROPPING:
        raise JobCancelled
    drop_segment(segment, run.row.dataset.no)
    run.succeed(stage="drop")


@job(
    kind="datasets.reindex",
    model="datasets.Upkeep",
    queue="low_priority",
    organization_path="dataset__organization_id",
    only={"kind": UpkeepKind.REINDEX},
)
def run_reindex(run: Run[Upkeep]) -> None:
    """Compute the cells of a dataset anew; a version with right ones is published if any differ."""
    dataset = run.row.dataset
    if dataset.deleted_at is not None:
        raise JobCancelled
    version = reindex_dataset(dataset, lambda share: run.progress(share, stage="reindex"))
    if version is not None:
        queue_rollups(dataset, Segment.objects.of_version(version.pk))
    run.succeed(stage="reindex")


def build_rollups(segment: Segment, dataset: Dataset, run: Run[Upkeep] | None = None) -> None:
    """Build each resolution that makes the rows of a segment fewer, coarser ones from the finest."""
    chosen = chosen_resolutions(segment, dataset)
    finest: int | None = None
    for number, resolution in enumerate(chosen):
        if run is not None:
            run.progress(number / len(chosen), stage="rollup")
        if not build_rollup(segment, dataset, resolution, finest):
            raise JobCancelled
        finest = resolution
    unlist_rollups(segment, dataset, [number for number in segment.rollups if number not in chosen])
    if chosen:
        note_rollups(segment)


def queue_rollups(dataset: Dataset, segments: Iterable[Segment]) -> int:
    """Queue the building of rollups of those segments for which nobody has built any; returns how many."""
    worth = [segment for segment in segments if is_worth_rollups(segment) and not segment.rollups]
    tried = set(
        Upkeep.objects.filter(kind=UpkeepKind.ROLLUP, segment__in=worth).values_list("segment_id", flat=True)
    )
    return sum(
        queue_upkeep(UpkeepKind.ROLLUP, dataset, segment) for segment in worth if segment.no not in tried
    )


def queue_missing_rollups() -> int:
    """Queue the building of rollups that a worker's death has left out; returns how many."""
    built = Upkeep.objects.filter(kind=UpkeepKind.ROLLUP, segment=OuterRef("pk"))
    missing = Segment.objects.filter(
        ~Exists(built), state=SegmentState.LIVE, rows__gte=MIN_ROWS, rollups=[], dataset__deleted_at=None
    )
    return sum(
        queue_rollups(segment.dataset, [segment])
        for segment in missing.select_related("dataset").order_by("no")[:QUEUED_AT_ONCE]
    )


def queue_drops(segments: Iterable[Segment]) -> int:
    """Queue the drop of segments that were moved to dropping; returns how many were not queued before."""
    return sum(queue_upkeep(UpkeepKind.DROP, segment.dataset, segment) for segment in segments)


def forget_upkeep(now: datetime) -> int:
    """Delete the jobs that ended long ago, but for those that say that a segment has its rollups."""
    done = Upkeep.objects.filter(finished_at__lt=now - KEPT)
    spoken_for = Q(kind=UpkeepKind.ROLLUP, segment__state=SegmentState.LIVE)
    return done.exclude(spoken_for).delete()[0]


def queue_upkeep(kind: UpkeepKind, dataset: Dataset, segment: Segment | None = None) -> bool:
    """Queue one job; False if the same is queued or running already."""
    declared = JOBS[kind]
    try:
        with transaction.atomic():
            row = Upkeep.objects.create(kind=kind, dataset=dataset, segment=segment, **declared.columns())
    except IntegrityError as error:
        if "datasets_upkeep_once" not in str(error):
            raise
        return False
    declared.enqueue(row.pk)
    return True


JOBS: Final = {UpkeepKind.ROLLUP: run_rollup, UpkeepKind.DROP: run_drop, UpkeepKind.REINDEX: run_reindex}
