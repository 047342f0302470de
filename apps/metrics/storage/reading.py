"""Reading points: rollup rows, chunks and pending segments of some metrics, in one statement.

One statement is one snapshot, and so sees each point once: points move from segments to chunks and rollups in
one commit. Rollup rows come as columns in PostgreSQL's binary form, which takes a third of the time of rows.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, IntEnum, auto
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection
from psycopg import sql

from apps.metrics.storage.partitions import day_of, start_of

Instants = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Column = npt.NDArray[Any]
Span = tuple[int, int]

HOUR_S: Final = 3_600
QUARTER_S: Final = 900
# Up to so many, instants and days are listed one by one; beyond, the range that holds them is read.
LISTED: Final = 512


class Need(Flag):
    """What of a rollup row is asked for."""

    NOTHING = 0
    COUNT = auto()
    SUM = auto()
    MIN = auto()
    MAX = auto()
    FIRST = auto()
    LAST = auto()
    SKETCH = auto()


class Kind(IntEnum):
    """What a row of the statement holds."""

    ROLLUPS = 1
    CHUNK = 2
    SEGMENT = 3
    FIRST_POINT = 4


# Needs -> columns of one width: name, type, the expression that sends it.
_FIXED: Final = (
    (Need.NOTHING, "number", ">i8", "int8send(number)"),
    (Need.NOTHING, "start", ">i8", "int8send(start_at)"),
    (Need.COUNT, "count", ">i8", "int8send(point_count)"),
    (Need.MIN, "min", ">f8", "float8send(min)"),
    (Need.MAX, "max", ">f8", "float8send(max)"),
    (Need.FIRST, "first", ">f8", "float8send(first)"),
    (Need.FIRST, "first_at", ">i8", "int8send(first_at)"),
    (Need.LAST, "last", ">f8", "float8send(last)"),
    (Need.LAST, "last_at", ">i8", "int8send(last_at)"),
    (Need.SUM, "parts", ">i8", "int8send(cardinality(sum_parts))"),
    (Need.SKETCH, "sketch_bytes", ">i8", "int8send(length(sketch))"),
)
# An array's elements, each after its length, follow 20 bytes of dimensions (array_send).
_PARTS: Final = np.dtype([("length", ">i4"), ("value", ">f8")])

_ROLLUPS: Final = sql.SQL(
    "SELECT {kind}::smallint AS kind, {width}::bigint AS number, 0::bigint AS at, count(*) AS points,"
    " string_agg({fixed}, ''::bytea) AS body, {parts} AS parts, {sketches} AS sketches"
    " FROM (SELECT * FROM metrics_rollup WHERE shard_id = {shard} AND number = ANY({numbers})"
    " AND width_s = {width} AND {within} LIMIT {limit}) AS rows"
)
_CHUNKS: Final = sql.SQL(
    "SELECT {kind}::smallint, number, first_at, point_count::bigint,"
    " CASE WHEN sum(point_count) OVER () <= {limit} THEN payload END, NULL::bytea, NULL::bytea"
    " FROM metrics_point_chunk WHERE shard_id = {shard} AND number = ANY({numbers}) AND {days}"
    " AND first_at < {end} AND last_at >= {start}"
)
_SEGMENTS: Final = sql.SQL(
    "SELECT {kind}::smallint, id, min_at, point_count::bigint,"
    " CASE WHEN sum(point_count) OVER () <= {limit} THEN payload END, NULL::bytea, NULL::bytea"
    " FROM metrics_point_segment WHERE shard_id = {shard} AND min_at < {end} AND max_at >= {start}"
    " AND max_number >= {lowest} AND min_number <= {highest}"
)
_FIRST_POINTS: Final = sql.SQL(
    "SELECT {kind}::smallint, number, first_at, 0::bigint, NULL::bytea, NULL::bytea, NULL::bytea"
    " FROM metrics_metric_stat WHERE shard_id = {shard} AND number = ANY({numbers})"
)

_BY_DAY: Final = """
SELECT day, sum(point_count)::bigint FROM metrics_point_chunk
 WHERE shard_id = %s AND number = %s AND day BETWEEN %s AND %s GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read: the window's pending points, and from the rest what these instants cover.

    numbers: shard -> its metrics. hours, quarters: the ranges in which rollup rows start, or the starts
    themselves. raw: disjoint spans, ascending.
    """

    numbers: Mapping[int, Sequence[int]]
    window: Span
    need: Need = Need.NOTHING
    hours: Span | None = None
    quarters: Span | Instants | None = None
    raw: Sequence[Span] = ()
    with_first_points: bool = False
    max_rollups: int = 1_000_000
    max_points: int = 50_000_000


@dataclass(frozen=True, slots=True)
class RollupRows:
    """Rollup rows by column: `fixed` has number, start and what was needed.

    `parts` are those of all sums, `sketches` all sketches end to end; `fixed` says how long each is.
    """

    width_s: int
    fixed: Mapping[str, Column]
    parts: Values
    sketches: Bytes


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """One chunk (`number` is its metric) or pending segment (`number` is its id), not yet decoded."""

    number: int
    first_at: int
    payload: bytes

    @property
    def day(self) -> dt.date:
        """Return the UTC day of the first point."""
        return day_of(self.first_at)


@dataclass(slots=True)
class Stored:
    """What was found. Over a limit `is_over_limit` says so, and what was found is not complete."""

    rollups: list[RollupRows] = field(default_factory=list)
    chunks: list[StoredPayload] = field(default_factory=list)
    segments: list[StoredPayload] = field(default_factory=list)
    first_points: dict[int, int] = field(default_factory=dict)
    is_over_limit: bool = False


def read_stored(request: Request) -> Stored:
    """Return what is stored of some metrics, as one snapshot. One query.

    Raises OperationalError over the statement time.
    """
    branches = [branch for shard in request.numbers for branch in _branches(request, shard)]
    found = Stored()
    if not branches:
        return found
    for row in fetch_binary(sql.SQL(" UNION ALL ").join(branches)):
        _take(row, request, found)
    return found


def points_by_day(shard_id: int, number: int, window: Span) -> list[tuple[int, int]]:
    """Return the start of each UTC day of a window that has compacted points, and how many. One query."""
    start, end = window
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, [shard_id, number, day_of(start), day_of(end - 1)])
        return [(start_of(day), points) for day, points in cursor.fetchall()]


def fetch_binary(statement: sql.Composed) -> list[tuple[Any, ...]]:
    """Return the rows of a statement; its bytes come as they are, not as text of twice their length."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, prepare=False, binary=True)
        return cursor.fetchall()


def array_of(numbers: Sequence[int] | Instants) -> sql.Composable:
    """Return integers as an SQL array, written out: as a parameter a long one takes longer."""
    listed = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    return sql.SQL("'{{{}}}'::bigint[]".format(",".join(map(str, listed))))  # integers only


def _branches(request: Request, shard: int) -> Iterator[sql.Composable]:
    numbers = request.numbers[shard]
    of_shard = {"shard": sql.Literal(shard), "numbers": array_of(numbers)}
    if request.hours is not None:
        yield _rollups(request, HOUR_S, request.hours, of_shard)
    if request.quarters is not None:
        yield _rollups(request, QUARTER_S, request.quarters, of_shard)
    limit = sql.Literal(request.max_points)
    if request.raw:
        start, end = request.raw[0][0], request.raw[-1][1]
        yield _CHUNKS.format(
            kind=Kind.CHUNK, days=_days(request.raw), start=start, end=end, limit=limit, **of_shard
        )
    start, end = request.window
    yield _SEGMENTS.format(
        kind=Kind.SEGMENT,
        shard=of_shard["shard"],
        # Whether a metric had points before is in segments of any age.
        start=-(1 << 63) if request.with_first_points else start,
        end=end,
        lowest=min(numbers),
        highest=max(numbers),
        limit=limit,
    )
    if request.with_first_points:
        yield _FIRST_POINTS.format(kind=Kind.FIRST_POINT, **of_shard)


def _rollups(
    request: Request, width_s: int, starts: Span | Instants, of_shard: Mapping[str, sql.Composable]
) -> sql.Composable:
    parts, sketches = Need.SUM in request.need, Need.SKETCH in request.need
    return _ROLLUPS.format(
        kind=Kind.ROLLUPS,
        width=width_s,
        within=_within(starts),
        fixed=sql.SQL(" || ").join(sql.SQL(send) for *_, send in _columns(request.need)),
        parts=sql.SQL("string_agg(substr(array_send(sum_parts), 21), ''::bytea)" if parts else "NULL::bytea"),
        sketches=sql.SQL("string_agg(sketch, ''::bytea)" if sketches else "NULL::bytea"),
        limit=request.max_rollups + 1,
        **of_shard,
    )


def _columns(need: Need) -> list[tuple[str, str, str]]:
    return [(name, kind, send) for needed, name, kind, send in _FIXED if needed in need]


def _within(starts: Span | Instants) -> sql.Composable:
    if isinstance(starts, tuple):
        return sql.SQL("start_at >= {} AND start_at < {}").format(*starts)
    if len(starts) <= LISTED:
        return sql.SQL("start_at = ANY({})").format(array_of(starts))
    return sql.SQL("start_at BETWEEN {} AND {}").format(int(starts[0]), int(starts[-1]))


def _days(spans: Sequence[Span]) -> sql.Composable:
    """Return the condition on the day of a chunk; other partitions are not even opened."""
    bounds = [(day_of(start), day_of(end - 1)) for start, end in spans]
    if len(bounds) > LISTED:
        bounds = [(bounds[0][0], bounds[-1][1])]
    between = (sql.SQL("day BETWEEN {} AND {}").format(*pair) for pair in dict.fromkeys(bounds))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(between))


def _take(row: tuple[Any, ...], request: Request, found: Stored) -> None:
    kind, number, at, points, body, parts, sketches = row
    if kind == Kind.ROLLUPS:
        found.is_over_limit |= points > request.max_rollups
        if points:
            found.rollups.append(_rollup_rows(number, request.need, body, parts, sketches))
    elif kind == Kind.FIRST_POINT:
        found.first_points[number] = at
    elif body is None:
        found.is_over_limit = True
    else:
        kept = found.chunks if kind == Kind.CHUNK else found.segments
        kept.append(StoredPayload(number, at, body))


def _rollup_rows(
    width_s: int, need: Need, body: bytes, parts: bytes | None, sketches: bytes | None
) -> RollupRows:
    dtype = np.dtype([(name, kind) for name, kind, _ in _columns(need)])
    rows = np.frombuffer(body, dtype)
    fixed = {name: rows[name].astype(dtype[name].newbyteorder("=")) for name in dtype.names or ()}
    values = np.frombuffer(parts or b"", _PARTS)["value"].astype(np.float64)
    return RollupRows(width_s, fixed, values, np.frombuffer(sketches or b"", np.uint8))
