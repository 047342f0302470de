"""The jobs on storage behind the readers: `datasets.rollup`, `datasets.drop`, `datasets.reindex`."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from apps.common.jobs import JobCancelled, Run, job
from apps.datasets.models import Dataset, Segment, Upkeep
from apps.datasets.states import SegmentState, UpkeepKind
from apps.datasets.storage.rollups import build_rollup, chosen_resolutions, is_worth_rollups, unlist_rollups


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


def queue_rollups(dataset: Dataset, segments: Iterable[Segment]) -> int:
    """Queue the building of rollups of those segments for which nobody has built any; returns how many."""
    worth = [segment for segment in segments if is_worth_rollups(segment) and not segment.rollups]
    tried = set(
        Upkeep.objects.filter(kind=UpkeepKind.ROLLUP, segment__in=worth).values_list("segment_id", flat=True)
    )
    return sum(
        queue_upkeep(UpkeepKind.ROLLUP, dataset, segment) for segment in worth if segment.no not in tried
    )


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


JOBS = {UpkeepKind.ROLLUP: run_rollup}
