"""Evidence: the rows that were not accepted, written by COPY in the order they were met."""

from collections.abc import Sequence
from typing import Final

from django.db import connection

from apps.datasets.models import Reject as RejectRow
from apps.datasets.reading.rows import Reject

_COLUMNS: Final = (
    'dataset_no, import_no, seq, kind, file_no, record, line, line_end, byte_offset, "column", '
    "code, also, detail, raw, raw_truncated, kept_line"
)


def write_rejects(dataset_no: int, import_no: int, first_seq: int, rejects: Sequence[Reject]) -> None:
    """Append evidence rows, numbered from `first_seq`."""
    if not rejects:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY datasets_reject ({_COLUMNS}) FROM STDIN") as copy,
    ):
        for seq, reject in enumerate(rejects, first_seq):
            copy.write_row((dataset_no, import_no, seq, *_values(reject)))


def _values(reject: Reject) -> tuple[object, ...]:
    return (
        str(reject.kind.value),
        reject.file_no,
        reject.record,
        reject.line,
        reject.line_end,
        reject.byte_offset,
        # PostgreSQL's text holds no NUL; a header or detail may quote one.
        None if reject.column is None else reject.column.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        str(reject.code.value),
        [str(code.value) for code in reject.also],
        reject.detail.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        reject.raw,
        reject.raw_truncated,
        reject.kept_line,
    )


def delete_rejects(dataset_no: int, import_no: int) -> None:
    """Remove the evidence of one import."""
    RejectRow.objects.filter(dataset_no=dataset_no, import_no=import_no).delete()
