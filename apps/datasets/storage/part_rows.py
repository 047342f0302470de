"""Single rows out of a segment's parts: only the row groups that hold them are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.core.files.storage import default_storage

from apps.common.errors import Unavailable
from apps.datasets.reading.rows import Int64s
from apps.datasets.storage.parts import ROW_GROUP_ROWS, part_name, part_numbers

COLUMNS: Final = ("external_id", "properties", "file_no", "line")


class PartsGone(Unavailable):
    """The parts of a segment cannot be read.

    The file storage is away or lost files: ids, properties and places in files are missing meanwhile. Maps
    do not need them.
    """

    code = "datasets.parts_gone"


@dataclass(frozen=True, slots=True)
class _Part:
    """One part: its number and the event numbers it holds, [first, end)."""

    number: int
    first: int
    end: int


class PartRows:
    """The parts of one segment, opened as they are needed.

    The row groups read last are kept, so that going through a segment chunk by chunk reads each only once,
    and no more than one part is ever in memory.
    """

    def __init__(self, prefix: str, columns: Sequence[str] = COLUMNS) -> None:
        self.prefix = prefix
        self.columns = tuple(columns)
        self._parts: list[_Part] | None = None
        self._held: tuple[int, tuple[int, ...], pa.Table] | None = None

    def take(self, event_nos: Int64s) -> pa.Table:
        """Return the columns of these events, in their order.

        Raises PartsGone.
        """
        if not event_nos.size:
            return _EMPTY.select(self.columns)
        try:
            return self._take(event_nos)
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise PartsGone from error

    def _take(self, event_nos: Int64s) -> pa.Table:
        parts = self._known()
        firsts = np.array([part.first for part in parts], np.int64)
        of_part = np.searchsorted(firsts, event_nos, "right") - 1
        tables: list[pa.Table] = []
        places: list[Int64s] = []
        for index in np.unique(of_part).tolist():
            place = np.flatnonzero(of_part == index)
            tables.append(self._of_part(parts, index, event_nos[place]))
            places.append(place)
        order = np.argsort(np.concatenate(places))
        whole = pa.concat_tables(tables) if len(tables) > 1 else tables[0]
        return whole if len(tables) == 1 else whole.take(order)

    def _of_part(self, parts: list[_Part], index: int, event_nos: Int64s) -> pa.Table:
        """Return the rows of one part; raises KeyError for an event that it does not hold."""
        part = parts[index] if index >= 0 else None
        if part is None or int(event_nos.max()) >= part.end:
            raise KeyError(int(event_nos.max()))
        offsets = event_nos - part.first
        groups, table = self._groups(part, np.unique(offsets // ROW_GROUP_ROWS))
        starts = np.searchsorted(groups, offsets // ROW_GROUP_ROWS) * ROW_GROUP_ROWS
        return table.take(starts + offsets % ROW_GROUP_ROWS)

    def _groups(self, part: _Part, wanted: Int64s) -> tuple[Int64s, pa.Table]:
        """Return at least the wanted row groups of a part, and which they are."""
        if self._held is not None and self._held[0] == part.number:
            held = np.array(self._held[1], np.int64)
            if np.isin(wanted, held).all():
                return held, self._held[2]
            wanted = np.union1d(wanted, held)
        with default_storage.open(part_name(self.prefix, part.number)) as stream:
            table = pq.ParquetFile(stream).read_row_groups(wanted.tolist(), columns=list(self.columns))
        table = table.combine_chunks()
        self._held = part.number, tuple(wanted.tolist()), table
        return wanted, table

    def _known(self) -> list[_Part]:
        if self._parts is None:
            self._parts = [_look_at(self.prefix, number) for number in part_numbers(self.prefix)]
        return self._parts


def _look_at(prefix: str, number: int) -> _Part:
    """Read the footer of a part: its events are numbered without gaps."""
    with default_storage.open(part_name(prefix, number)) as stream:
        facts: Any = pq.ParquetFile(stream).metadata
    first = facts.row_group(0).column(0).statistics.min
    return _Part(number, first, first + facts.num_rows)


_EMPTY: Final = pa.table(
    {
        "external_id": pa.array([], pa.string()),
        "properties": pa.array([], pa.string()),
        "file_no": pa.array([], pa.int32()),
        "line": pa.array([], pa.int64()),
    }
)
