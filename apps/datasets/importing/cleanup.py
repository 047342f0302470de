"""What an import leaves behind when it ends without a version: nothing but its counts and its evidence."""

import uuid

from django.db import transaction

from apps.common.db import JobStatus
from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import INSPECTED, Checkpoint
from apps.datasets.models import Import, Segment
from apps.datasets.states import SegmentState
from apps.datasets.storage.dropping import drop_segment
from apps.datasets.storage.stage import drop_stage, stage_table


def discard_work(import_id: uuid.UUID) -> bool:
    """Drop stage table, staged segment and parts of an import that ended without a version; tell whether so.

    Files and mapping stay, so that a retry begins with reading. Safe to repeat.
    """
    with transaction.atomic():
        # Locked, because a retry may claim the import at this moment: it waits, then finds no old stage.
        row = Import.objects.select_for_update(of=("self",)).get(pk=import_id)
        if not JobStatus(row.status).is_final or row.version_id is not None:
            return False
        checkpoint = Checkpoint.from_json(row.checkpoint) if row.checkpoint else None
        drop_stage(stage_table(row.no))
        segment = _give_up_segment(checkpoint)
        if checkpoint is not None and checkpoint.has(INSPECTED):
            fresh = Checkpoint(reached=INSPECTED, now=checkpoint.now, facts=checkpoint.facts)
            Import.objects.filter(pk=row.pk).update(checkpoint=fresh.to_json())
    if segment is not None:
        drop_segment(segment, row.dataset.no)
    return True


def _give_up_segment(checkpoint: Checkpoint | None) -> Segment | None:
    """Move the staged segment of a checkpoint to dropping and return it.

    If the process dies before its rows are gone, the pruning clock finds the segment by its state.
    """
    if checkpoint is None or not checkpoint.segment_no:
        return None
    staged = Segment.objects.filter(pk=checkpoint.segment_no, state=SegmentState.STAGED)
    staged.update(state=SegmentState.DROPPING)
    return Segment.objects.filter(pk=checkpoint.segment_no, state=SegmentState.DROPPING).first()


def start_over(attempt: Attempt) -> None:
    """Give up what a running import has staged, because its rows were compared with a base that is gone."""
    checkpoint = attempt.at
    with transaction.atomic():
        segment = _give_up_segment(checkpoint)
        drop_stage(attempt.stage_table)
        attempt.save(Checkpoint(reached=INSPECTED, now=checkpoint.now, facts=checkpoint.facts))
    if segment is not None:
        drop_segment(segment, attempt.dataset.no)
