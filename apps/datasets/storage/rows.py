"""A segment's rows read back as events: the table joined with the parts, in event-number order."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db import connection
from psycopg.sql import SQL, Literal

from apps.datasets.models import Segment, Term, TermField
from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.rows import Events
from apps.datasets.storage.binary import EPOCH_US, decode
from apps.datasets.storage.events import NO_LABEL
from apps.datasets.storage.parts import read_parts

_CODES: Final = (">i4", ">i8", ">i8", ">f8", ">i4", ">i4", ">i2", ">i2", ">i2")
_ROWS: Final = SQL(
    "COPY (SELECT event_no, cell, occurred_at, coalesce(value, 'NaN'), lat_e7, lon_e7, category_no, "
    "coalesce(label_no, -1::smallint), precision FROM datasets_event "
    "WHERE slab = {slab} AND dataset_no = {dataset_no} AND segment_no = {segment_no} "
    "AND event_no BETWEEN {first} AND {last} ORDER BY event_no) "
    "TO STDOUT (FORMAT BINARY)"
)
Table = npt.NDArray[Any]


def read_segment(segment: Segment, dataset_no: int) -> Iterator[Events]:
    """Yield the events of a segment, part by part.

    Each part is a query of its own and nothing stays open between them, so that whoever takes many may look
    meanwhile whether to go on. Positions other than file and line are not kept; they read as 0.
    """
    terms = _TermTexts(dataset_no)
    for part in read_parts(segment.files_prefix):
        numbers = part.column("event_no").to_numpy()
        yield _join(_rows_between(segment, dataset_no, int(numbers[0]), int(numbers[-1])), part, terms)


def _rows_between(segment: Segment, dataset_no: int, first: int, last: int) -> Table:
    """Return the rows of the table with these event numbers, both included, in their order."""
    statement = _ROWS.format(
        slab=Literal(segment.slab),
        dataset_no=Literal(dataset_no),
        segment_no=Literal(segment.no),
        first=Literal(first),
        last=Literal(last),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return decode(b"".join(map(bytes, copy)), _CODES)


class _TermTexts:
    """The texts of a dataset's terms, as arrow dictionaries with numbers as positions."""

    def __init__(self, dataset_no: int) -> None:
        self._texts: dict[str, list[str | None]] = {}
        for field in TermField:
            known = dict(Term.objects.filter(dataset_no=dataset_no, field=field).values_list("no", "text"))
            self._texts[field.value] = [known.get(number) for number in range(max(known, default=0) + 1)]

    def column(self, field: TermField, numbers: Table) -> "pa.DictionaryArray[Any, Any]":
        """Return the texts of numbers; -1 is none."""
        indexes: Any = pa.array(numbers.astype(np.int32), mask=numbers == NO_LABEL)
        texts = [text or "" for text in self._texts[field.value]]
        return pa.DictionaryArray.from_arrays(indexes, pa.array(texts, pa.string()))


def _join(rows: Table, part: pa.Table, terms: _TermTexts) -> Events:
    """Put table and part together, row by row; raises ValueError where they are not of the same events."""
    if not np.array_equal(rows["c0"], part.column("event_no").to_numpy()):
        raise ValueError("a part does not hold the events of its segment")
    zeros = np.zeros(len(rows), np.int64)
    line = pc.fill_null(part.column("line"), 0).to_numpy().astype(np.int64)
    columns: dict[str, Any] = {
        name: part.column(name).combine_chunks() for name in ("external_id", "properties")
    }
    return Events(
        occurred_us=rows["c2"].astype(np.int64) + EPOCH_US,
        precision=rows["c8"].astype(np.int16),
        lat_e7=rows["c4"].astype(np.int32),
        lon_e7=rows["c5"].astype(np.int32),
        cell=rows["c1"].astype(np.int64),
        value=rows["c3"].astype(np.float64),
        category=terms.column(TermField.CATEGORY, rows["c6"]),
        label=terms.column(TermField.LABEL, rows["c7"]),
        external_id=columns["external_id"],
        properties=columns["properties"],
        file_no=part.column("file_no").to_numpy().astype(np.int32),
        line=line,
        line_end=line,
        record=zeros,
        byte_offset=zeros,
        byte_length=zeros,
    )
