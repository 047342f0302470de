"""Public writes on the storage of datasets."""

import time
from typing import Final

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict, NotFound
from apps.datasets.models import Dataset, Segment, Upkeep
from apps.datasets.states import SegmentState, UpkeepKind
from apps.datasets.upkeep_tasks import queue_upkeep, run_reindex

POLL_S: Final = 0.5


class SegmentGone(Conflict):
    """The rows of the segment are dropped, or will be."""

    code = "datasets.segment_gone"


def reindex_here(dataset: Dataset) -> Upkeep:
    """Compute the cells of a dataset anew in this process, or follow the worker that was faster.

    Returns the job as it ended. For operators: no actor is asked for.
    """
    with transaction.atomic():
        queue_upkeep(UpkeepKind.REINDEX, dataset)
        organization = dataset.organization
        record_audit(actor=None, verb="datasets.reindexed", target=dataset, organization=organization)
    rows = Upkeep.objects.filter(dataset=dataset, kind=UpkeepKind.REINDEX)
    row = rows.order_by("-created_at").first()
    if row is None:
        raise NotFound
    while not JobStatus(row.status).is_final:
        jobs.execute(run_reindex.kind, row.pk)
        row.refresh_from_db()
        if not JobStatus(row.status).is_final:
            time.sleep(POLL_S)
    return row


@transaction.atomic
def rebuild_rollups(*, actor: Actor, segment: Segment) -> None:
    """Queue the building of a segment's rollups; raises SegmentGone. Nothing is queued twice."""
    require(actor, "datasets.configure")
    if segment.state != SegmentState.LIVE:
        raise SegmentGone
    queue_upkeep(UpkeepKind.ROLLUP, segment.dataset, segment)
    record_audit(
        actor=actor, verb="datasets.rollups_rebuilt", target=segment.dataset, changes={"segment": segment.no}
    )
