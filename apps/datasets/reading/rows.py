"""What reading hands over: positions, rejects and batches of events in columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

if TYPE_CHECKING:
    Terms = Any  # the stubs of dictionary arrays can neither be taken from nor turned into lists
else:
    Terms = pa.DictionaryArray

TERM_TYPE: Final = pa.dictionary(pa.int32(), pa.string())


class Precision(IntEnum):
    """How much of an event's time its source gave."""

    INSTANT = 0
    DAY = 1
    MONTH = 2
    YEAR = 3


class RejectKind(StrEnum):
    """Why a row is evidence and not an event."""

    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class RowCode(StrEnum):
    """Reasons of a reject in the order that decides which one counts (places.md section 7)."""

    ROW_BLANK = "row_blank"
    TOO_FEW_FIELDS = "too_few_fields"
    TOO_MANY_FIELDS = "too_many_fields"
    BAD_QUOTE = "bad_quote"
    BAD_ENCODING = "bad_encoding"
    NUL_BYTE = "nul_byte"
    FIELD_TOO_LONG = "field_too_long"
    GEOMETRY_MISSING = "geometry_missing"
    GEOMETRY_INVALID = "geometry_invalid"
    GEOMETRY_UNSUPPORTED = "geometry_unsupported"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_INVALID = "timestamp_invalid"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    COORDINATE_MISSING = "coordinate_missing"
    COORDINATE_INVALID = "coordinate_invalid"
    COORDINATE_OUT_OF_RANGE = "coordinate_out_of_range"
    COORDINATE_SENTINEL = "coordinate_sentinel"
    OUTSIDE_AREA = "outside_area"
    CATEGORY_TOO_LONG = "category_too_long"
    VALUE_INVALID = "value_invalid"
    EXTERNAL_ID_TOO_LONG = "external_id_too_long"
    DUPLICATE = "duplicate"


class WarningKind(StrEnum):
    """Kinds of warning; each kind present costs the quality score ten points."""

    TIME_IN_GAP = "time_in_gap"
    TIME_AMBIGUOUS = "time_ambiguous"
    IN_FUTURE = "in_future"
    OUTSIDE_PARTITION = "outside_partition"
    OUTSIDE_AREA = "outside_area"
    VALUE_DROPPED = "value_dropped"
    CATEGORY_DEFAULTED = "category_defaulted"
    PERSONAL_COLUMNS = "personal_columns"
    SWAPPED_SUSPECTED = "swapped_suspected"
    STACKED_POINTS = "stacked_points"


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading resumes: the next byte of the file, the physical lines and the records before it."""

    byte_offset: int = 0
    line: int = 0
    record: int = 0

    def to_json(self) -> dict[str, int]:
        """Return the form a checkpoint stores."""
        return {"byte_offset": self.byte_offset, "line": self.line, "record": self.record}

    @classmethod
    def from_json(cls, document: dict[str, int]) -> Self:
        """Read what `to_json` wrote."""
        return cls(document["byte_offset"], document["line"], document["record"])


@dataclass(frozen=True, slots=True)
class Reject:
    """One row kept as evidence: rejected, or a duplicate of the row at `kept_line`.

    `line` and `line_end` are physical lines of the file (header = 1), `record` the ordinal among its data
    rows from 1, `raw` the record's bytes as they are in the file with its line end, cut at 65,536 bytes.
    """

    kind: RejectKind
    file_no: int
    record: int
    line: int | None
    line_end: int | None
    byte_offset: int | None
    column: str | None
    code: RowCode
    also: tuple[RowCode, ...]
    detail: str
    raw: bytes
    raw_truncated: bool = False
    kept_line: int | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """Accepted rows as columns of equal length, in the order of their file.

    occurred_us: UTC microseconds since 1970. value: NaN where missing. category, label: dictionary arrays
    (label nullable). external_id, properties (text of a JSON object): nullable strings. line, line_end:
    physical, first and last; record from 1; byte_offset, byte_length: where the record's bytes lie. Where a
    file has no lines, line is the record and line_end 0; where rows are no bytes, byte_offset is negative.
    """

    occurred_us: Int64s
    precision: Int16s
    lat_e7: Int32s
    lon_e7: Int32s
    cell: Int64s
    value: Floats
    category: Terms
    label: Terms
    external_id: pa.StringArray
    properties: pa.StringArray
    file_no: Int32s
    line: Int64s
    line_end: Int64s
    record: Int64s
    byte_offset: Int64s
    byte_length: Int64s

    def __len__(self) -> int:
        return len(self.occurred_us)

    @property
    def nbytes(self) -> int:
        """Return how much memory the columns take."""
        return sum(int(getattr(self, column.name).nbytes) for column in fields(self))

    def take(self, rows: Int64s | Bools) -> "Events":
        """Return the rows at these indexes, in their order, or those marked true."""
        indexes = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        picked = pa.array(indexes, pa.int64())
        columns: list[Any] = [getattr(self, column.name) for column in fields(self)]
        taken: list[Any] = [c[indexes] if isinstance(c, np.ndarray) else c.take(picked) for c in columns]
        return Events(*taken)

    @classmethod
    def concat(cls, parts: Sequence["Events"]) -> "Events":
        """Join parts in their order."""
        if not parts:
            return cls.empty()
        if len(parts) == 1:
            return parts[0]
        return cls(*(_join([getattr(part, column.name) for part in parts]) for column in fields(cls)))

    @classmethod
    def drain(cls, parts: list["Events"]) -> "Events":
        """Join parts as `concat` does and empty the list, so that no two columns are ever in memory twice."""
        if len(parts) <= 1:
            return parts.pop() if parts else cls.empty()
        pieces = [[getattr(part, column.name) for part in parts] for column in fields(cls)]
        parts.clear()
        return cls(*(_join(pieces.pop(0)) for _ in fields(cls)))

    @classmethod
    def empty(cls) -> "Events":
        """Return no rows."""
        int64, int32 = np.empty(0, np.int64), np.empty(0, np.int32)
        terms: Any = pa.array([], TERM_TYPE)
        texts = pa.array([], pa.string())
        return cls(
            int64, np.empty(0, np.int16), int32, int32, int64, np.empty(0, np.float64),
            terms, terms, texts, texts, int32, int64, int64, int64, int64, int64,
        )  # fmt: skip


def _join(columns: list[Any]) -> Any:
    """Join columns of one kind; dictionaries are made one."""
    if isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    joined = pa.chunked_array(columns).unify_dictionaries().combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one block gave: `rows_read` = events + rejects of both kinds; the next block starts at `position`.

    `bytes_read` and `rows_read` count this batch alone. `warnings` counts rows by kind; `notes` counts facts
    for the quality report which are no warning (rows that fit when swapped, null islands, sentinels).
    `data` are the block's bytes, which begin at `data_offset` of the file; or `raws` are the bytes of each
    record by its `byte_offset`.
    """

    position: Position
    bytes_read: int
    rows_read: int
    blank_lines: int
    events: Events
    rejects: tuple[Reject, ...] = ()
    warnings: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    data: bytes = b""
    data_offset: int = 0
    raws: Mapping[int, bytes] | None = None

    @property
    def nbytes(self) -> int:
        """Return about how much memory it takes, counting what it shares with others as its own."""
        raws = sum(map(len, self.raws.values())) if self.raws is not None else 0
        return self.events.nbytes + len(self.data) + raws + sum(len(reject.raw) for reject in self.rejects)

    def raw(self, row: int) -> bytes:
        """Return the bytes of the record of an event, as they are in the file."""
        offset = int(self.events.byte_offset[row])
        if self.raws is not None:
            return self.raws[offset]
        start = offset - self.data_offset
        return self.data[start : start + int(self.events.byte_length[row])]
