"""Dropping segments: their rows, then their parts; every step may be repeated after a crash."""

from typing import Final

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from apps.datasets.models import Segment
from apps.datasets.states import SegmentState
from apps.datasets.storage.ddl import outside_transaction, with_lock_timeout
from apps.datasets.storage.parts import delete_parts
from apps.datasets.storage.rollups import erase_rollups
from apps.datasets.storage.stage import drop_stage, own_partition, reindex_table, shared_partition

DELETE_ROWS: Final = 20_000


def drop_segment(segment: Segment, dataset_no: int) -> None:
    """Remove a segment that no reader can reach any more; the caller has moved it to dropping."""
    if segment.has_own_slab:
        drop_partition(own_partition(segment.no))
    else:
        _delete_rows(shared_partition(segment.slab), dataset_no, segment.no)
    # Left by a reindex that was killed before the segment had its place.
    drop_stage(reindex_table(segment.no))
    erase_rollups(segment.no, dataset_no)
    if segment.files_prefix:  # else it was killed before it had any
        delete_parts(segment.files_prefix)
    Segment.objects.filter(pk=segment.pk).update(state=SegmentState.DROPPED, bytes=0)


def drop_partition(partition: str) -> None:
    """Detach a partition without stopping readers of the other partitions, then drop."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(%s)", [partition]
        )
        attached = cursor.fetchone()
    if attached is not None:
        # A detach that was killed half-way can only be finished, not begun again.
        how = "FINALIZE" if attached[0] else "CONCURRENTLY"
        outside_transaction(f"ALTER TABLE datasets_event DETACH PARTITION {partition} {how}")

    def drop() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {partition}")

    with_lock_timeout(drop)


def _delete_rows(partition: str, dataset_no: int, segment_no: int) -> None:
    """Delete 20,000 rows a transaction, so that nothing is locked or kept from vacuum for long."""
    statement = SQL(
        "DELETE FROM {0} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {0} "
        "WHERE dataset_no = %s AND segment_no = %s LIMIT %s))"
    ).format(Identifier(partition))
    deleted = DELETE_ROWS
    while deleted == DELETE_ROWS:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [dataset_no, segment_no, DELETE_ROWS])
            deleted = cursor.rowcount
