"""Public writes on the storage of datasets."""

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Conflict
from apps.datasets.models import Segment
from apps.datasets.states import SegmentState, UpkeepKind
from apps.datasets.upkeep_tasks import queue_upkeep


class SegmentGone(Conflict):
    """The rows of the segment are dropped, or will be."""

    code = "datasets.segment_gone"


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
