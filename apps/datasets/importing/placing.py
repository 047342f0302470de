"""Index and check: staged rows become part of the event table, and are counted again there."""

from dataclasses import asdict, replace

from django.db.models import Sum

from apps.datasets.importing import faults
from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import PLACED
from apps.datasets.importing.sampling import RowSample
from apps.datasets.models import Event, Segment
from apps.datasets.reading.mapping import Mapping
from apps.datasets.storage.ddl import with_lock_timeout
from apps.datasets.storage.stage import choose_slab, index_stage, place_stage, vacuum_shared
from apps.datasets.storage.statistics import SegmentStatistics, read_statistics


class Inconsistent(RuntimeError):
    """The rows that were written are not the rows that were counted: our fault, nothing is published."""


def place(attempt: Attempt) -> None:
    """Give the staged rows their statistics, indexes and place; the stage table is gone afterwards."""
    attempt.run.progress(0.85, stage="index")
    if attempt.has(PLACED):
        return
    facts = read_statistics(attempt.stage_table)
    if facts.rows != attempt.row.accepted:
        raise Inconsistent(f"{facts.rows} rows are staged, {attempt.row.accepted} were accepted")
    slab = choose_slab(attempt.key, facts.rows)
    is_own = slab == attempt.key.own_slab
    if is_own:
        index_stage(attempt.stage_table)
        attempt.run.progress(0.91, stage="index")
    faults.reach("before_attach")
    with_lock_timeout(lambda: _place(attempt, facts, slab))
    faults.reach("after_attach")
    if not is_own:
        vacuum_shared(slab)


def _place(attempt: Attempt, facts: SegmentStatistics, slab: int) -> None:
    """Move rows, write the segment's facts and the checkpoint: together or not at all."""
    place_stage(attempt.stage_table, attempt.key, slab)
    Segment.objects.filter(pk=attempt.key.segment_no).update(
        slab=slab, bytes=attempt.at.parts_bytes, **asdict(facts)
    )
    attempt.save(replace(attempt.at, reached=PLACED))


def check(attempt: Attempt, mapping: Mapping, sample: RowSample | None) -> Segment:
    """Count again what was placed, and law 2 over files; read the sample again. Raises Inconsistent."""
    attempt.run.progress(0.93, stage="check")
    segment = Segment.objects.get(pk=attempt.key.segment_no)
    row = attempt.row
    stored = Event.objects.filter(
        slab=segment.slab, dataset_no=attempt.dataset.no, segment_no=segment.no
    ).count()
    if stored != row.accepted:
        raise Inconsistent(f"{stored} rows are stored, {row.accepted} were accepted")
    names = ("rows_read", "accepted", "rejected", "duplicates")
    sums = row.files.aggregate(**{name: Sum(name) for name in names})
    if any(sums[name] != getattr(row, name) for name in names):
        raise Inconsistent(f"the files count {sums}, the import does not")
    if sample is not None and not sample.is_confirmed(attempt, mapping):
        raise Inconsistent("rows of the sample read otherwise the second time")
    return segment
