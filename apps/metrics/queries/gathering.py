"""What is stored in a window, decoded and put into the cells of a query."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Final, NoReturn

import numpy as np
import numpy.typing as npt
import structlog
from django.db import OperationalError
from psycopg.errors import QueryCanceled

from apps.common.errors import DomainError, Invalid, Unavailable
from apps.metrics.calendar.intervals import Instants
from apps.metrics.calendar.windows import Window
from apps.metrics.codec.arrays import Float64s, Int64s
from apps.metrics.codec.payloads import CorruptPayload, decode_chunk, decode_segment
from apps.metrics.codec.sketch import decode_sketch
from apps.metrics.queries.cells import PointColumns, RowColumns
from apps.metrics.queries.cover import Cover
from apps.metrics.queries.selection import ChosenMetric
from apps.metrics.storage.reading import (
    HOUR_S,
    Need,
    Request,
    RollupRows,
    Span,
    Stored,
    StoredPayload,
    read_stored,
)

logger = structlog.get_logger(__name__)

# A segment of fewer points costs more to place alone than to sort among others.
SMALL_POINTS: Final = 64
BY_TIME: Final = Need.FIRST | Need.LAST
MAX_POINTS: Final = 50_000_000
# A row with its sketch takes ten times the room.
MAX_ROLLUPS: Final = 5_000_000
MAX_SKETCHES: Final = 500_000
_NO_TIMES: Final = np.empty(0, np.int64)
_NO_VALUES: Final = np.empty(0)
_NO_BYTES: Final = np.empty(0, np.uint8)


class ScanLimit(Invalid):
    """The answer would have too many values, or take the reading of too many points.

    At most 1,000,000 values and 50,000,000 points: ask for fewer metrics, a shorter window or wider buckets.
    """

    code = "metrics.scan_limit"


class QueryTimeout(Unavailable):
    """The query took longer than 25 s.

    Ask for fewer metrics, a shorter window or wider buckets.
    """

    code = "metrics.query_timeout"


class StoredPointsCorrupt(DomainError):
    """Some stored points are damaged, and the answer needs them.

    The damage is named by metric and day; all other points are served. `metrics_verify` lists what else is
    damaged; points come back from a backup.
    """

    code = "metrics.corrupt_payload"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read, in cells. first_points: metric -> its first point ever, if it was asked for."""

    points: PointColumns
    rows: RowColumns
    first_points: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Points:
    """Some points by (number, time): `numbers` has that of each point, or is that of all."""

    numbers: Int64s | int
    times: Instants
    values: Float64s


class Layout:
    """Where points and rows belong: the series of each metric, the bucket of each instant."""

    def __init__(self, series: Sequence[Sequence[int]], edges: Instants) -> None:
        """Take the numbers of each series' metrics, and the edges of buckets."""
        sizes = [len(numbers) for numbers in series]
        numbers = np.fromiter(chain.from_iterable(series), np.int64, sum(sizes))
        order = np.argsort(numbers)
        self._numbers = numbers[order]
        self._series = np.repeat(np.arange(len(series)), sizes)[order]
        self._edges = edges

    @property
    def buckets(self) -> int:
        """Return how many buckets each series has."""
        return len(self._edges) - 1

    def cells(self, numbers: Int64s | int, times: Instants) -> Int64s:
        """Return the cell of each entry: its series times the number of buckets, plus its bucket.

        The entries of a single number are by time.
        """
        firsts = self._series[np.searchsorted(self._numbers, numbers)] * self.buckets
        if isinstance(numbers, int):
            # A look-up per edge instead of one per point.
            bounds = np.searchsorted(times, self._edges)
            bounds[0], bounds[-1] = 0, len(times)
            return int(firsts) + np.repeat(np.arange(self.buckets, dtype=np.int64), np.diff(bounds))
        cells: Int64s = firsts + np.searchsorted(self._edges, times, "right") - 1
        return cells


def gather(
    metrics: Sequence[ChosenMetric],
    layout: Layout,
    window: Window,
    cover: Cover,
    need: Need,
    *,
    with_first_points: bool,
) -> Gathered:
    """Return everything of a window in its cells. One query.

    Raises ScanLimit, QueryTimeout, StoredPointsCorrupt.
    """
    stored = read_window(
        Request(
            numbers=numbers_by_shard(metrics),
            window=(window.start, window.end),
            need=need,
            hours=cover.hours,
            quarters=cover.quarters if len(cover.quarters) else None,
            raw=cover.raw,
            with_first_points=with_first_points,
            max_rollups=MAX_SKETCHES if Need.SKETCH in need else MAX_ROLLUPS,
            max_points=MAX_POINTS,
        )
    )
    pending = _pending(stored, metrics)
    points = points_of(stored, metrics, window, cover.raw, pending)
    cells = [layout.cells(part.numbers, part.times) for part in points]
    first_points = _first_points(stored.first_points, pending) if with_first_points else {}
    rows = _rows(stored.rollups, layout, cover)
    return Gathered(
        PointColumns(
            np.concatenate([_NO_TIMES, *cells]),
            # Copied only where `first` or `last` look at them: for a million points that takes a while.
            np.concatenate([_NO_TIMES, *(part.times for part in points if need & BY_TIME)]),
            np.concatenate([_NO_VALUES, *(part.values for part in points)]),
        ),
        rows,
        first_points,
    )


def read_window(request: Request) -> Stored:
    """Return what is stored; raises ScanLimit, QueryTimeout. One query."""
    with timed():
        stored = read_stored(request)
    if stored.is_over_limit:
        raise ScanLimit
    return stored


def numbers_by_shard(metrics: Sequence[ChosenMetric]) -> dict[int, list[int]]:
    """Return the numbers of metrics by the shard that holds them."""
    found: dict[int, list[int]] = {}
    for metric in metrics:
        found.setdefault(metric.shard_id, []).append(metric.number)
    return found


def points_of(
    stored: Stored,
    metrics: Sequence[ChosenMetric],
    window: Window,
    raw: Sequence[Span],
    pending: Sequence[Points] | None = None,
) -> list[Points]:
    """Return the single points: of chunks those in the spans, of pending segments those in the window."""
    if pending is None:
        pending = _pending(stored, metrics)
    return [*_chunk_points(stored, metrics, raw), *(_inside(part, window) for part in pending)]


@contextmanager
def timed() -> Iterator[None]:
    """Raise QueryTimeout when a statement inside runs into the time limit."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise QueryTimeout from error
        raise


def _chunk_points(stored: Stored, metrics: Sequence[ChosenMetric], raw: Sequence[Span]) -> Iterator[Points]:
    for chunk in stored.chunks:
        try:
            times, values = decode_chunk(chunk.payload)
        except CorruptPayload as error:
            _report(error, chunk, _key_of(chunk.number, metrics))
        for start, end in raw:
            first, last = np.searchsorted(times, (start, end)).tolist()
            if first < last:
                yield Points(chunk.number, times[first:last], values[first:last])


def _pending(stored: Stored, metrics: Sequence[ChosenMetric]) -> list[Points]:
    """Return the pending points of the metrics, those of small segments together.

    Single points are a segment each: a thousand of them would be placed and added up a thousand times.
    """
    parts = list(_pending_points(stored, metrics))
    small = [part for part in parts if len(part.times) < SMALL_POINTS]
    if len(small) <= 1:
        return parts
    numbers = np.concatenate([np.broadcast_to(part.numbers, part.times.shape) for part in small])
    times = np.concatenate([part.times for part in small])
    values = np.concatenate([part.values for part in small])
    order = np.lexsort((values, times, numbers))
    together = Points(numbers[order], times[order], values[order])
    return [together, *(part for part in parts if len(part.times) >= SMALL_POINTS)]


def _pending_points(stored: Stored, metrics: Sequence[ChosenMetric]) -> Iterator[Points]:
    """Yield the points of each pending segment that belong to the metrics."""
    wanted = np.sort(np.fromiter((metric.number for metric in metrics), np.int64, len(metrics)))
    for segment in stored.segments:
        try:
            points = decode_segment(segment.payload)
        except CorruptPayload as error:
            _report(error, segment, None)
        kept = _among(points.numbers, wanted)
        if kept.any():
            chosen = np.repeat(kept, points.counts)
            numbers = np.repeat(points.numbers[kept], points.counts[kept])
            yield Points(numbers, points.times[chosen], points.values[chosen])


def _among(numbers: Int64s, wanted: Int64s) -> npt.NDArray[np.bool_]:
    places = np.searchsorted(wanted, numbers)
    found: npt.NDArray[np.bool_] = wanted[np.minimum(places, len(wanted) - 1)] == numbers
    return found


def _inside(points: Points, window: Window) -> Points:
    kept = (points.times >= window.start) & (points.times < window.end)
    if kept.all():
        return points
    numbers = points.numbers if isinstance(points.numbers, int) else points.numbers[kept]
    return Points(numbers, points.times[kept], points.values[kept])


def _first_points(compacted: Mapping[int, int], pending: Sequence[Points]) -> dict[int, int]:
    found = dict(compacted)
    for points in pending:
        # By number, then time: the first entry of each number is its earliest.
        numbers, places = np.unique(points.numbers, return_index=True)
        for number, at in zip(numbers.tolist(), points.times[places].tolist(), strict=True):
            found[number] = min(found.get(number, at), at)
    return found


def _rows(rollups: Sequence[RollupRows], layout: Layout, cover: Cover) -> RowColumns:
    parts = [_rows_of_width(rows, layout, cover) for rows in rollups]
    names = parts[0].fixed if parts else ()
    return RowColumns(
        np.concatenate([_NO_TIMES, *(part.cells for part in parts)]),
        {name: np.concatenate([part.fixed[name] for part in parts]) for name in names} or _NO_FIXED,
        np.concatenate([_NO_VALUES, *(part.parts for part in parts)]),
        np.concatenate([_NO_BYTES, *(part.sketches for part in parts)]),
    )


_NO_FIXED: Final[Mapping[str, Int64s | Float64s]] = {
    **dict.fromkeys(("min", "max", "first", "last"), _NO_VALUES),
    **dict.fromkeys(("number", "start", "count", "first_at", "last_at", "parts", "sketch_bytes"), _NO_TIMES),
}


def _rows_of_width(rows: RollupRows, layout: Layout, cover: Cover) -> RowColumns:
    numbers, starts = rows.fixed["number"], rows.fixed["start"]
    is_hourly = rows.width_s == HOUR_S
    kept = cover.undivided(starts) if is_hourly else _among(starts, cover.quarters)
    cells = layout.cells(numbers, starts)
    if kept.all():
        return RowColumns(cells, rows.fixed, rows.parts, rows.sketches)
    parts, sketches = rows.parts, rows.sketches
    if "parts" in rows.fixed:
        parts = parts[np.repeat(kept, rows.fixed["parts"])]
    if "sketch_bytes" in rows.fixed:
        sketches = sketches[np.repeat(kept, rows.fixed["sketch_bytes"])]
    fixed = {name: column[kept] for name, column in rows.fixed.items()}
    return RowColumns(cells[kept], fixed, parts, sketches)


def report_sketch(rows: RowColumns, metrics: Sequence[ChosenMetric], error: CorruptPayload) -> NoReturn:
    """Raise StoredPointsCorrupt for the first sketch that cannot be decoded."""
    lengths = rows.fixed["sketch_bytes"].astype(np.int64)
    sketches = np.split(rows.sketches, np.cumsum(lengths)[:-1])
    columns = (rows.fixed["number"].tolist(), rows.fixed["start"].tolist())
    for number, start, part in zip(*columns, sketches, strict=True):
        sketch = part.tobytes()
        try:
            decode_sketch(sketch)
        except CorruptPayload as found:
            _report(found, StoredPayload(number, start, sketch), _key_of(number, metrics))
    raise error


def _key_of(number: int, metrics: Sequence[ChosenMetric]) -> str:
    return next(metric.key for metric in metrics if metric.number == number)


def _report(error: CorruptPayload, stored: StoredPayload, key: str | None) -> NoReturn:
    logger.error("corrupt_payload", metric=key, part=stored.number, day=str(stored.day), reason=str(error))
    of_what = f"metric {key!r}" if key is not None else f"pending segment {stored.number}"
    detail = f"Points of {of_what} of {stored.day} (UTC) are damaged: {error}."
    raise StoredPointsCorrupt(detail, extra={"metric": key, "day": str(stored.day)}) from error
