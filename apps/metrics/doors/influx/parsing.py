"""Bodies of writes: line protocol to points and refusals. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.metrics.doors.influx.exact_lines import ExactReader
from apps.metrics.doors.influx.few_lines import read_few
from apps.metrics.doors.influx.plain_lines import Lines, check_points, read_plain
from apps.metrics.doors.influx.precisions import Precision, precision_of
from apps.metrics.errors import TimestampOutOfRange
from apps.metrics.points.assembly import assemble
from apps.metrics.points.batch import Instants, Parsed
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import TimeWindow
from apps.metrics.points.values import without_minus_zero

LINES_PER_POINT: Final = 2
# For fewer lines a table costs more than it saves.
MANY_LINES: Final = 256


@dataclass(frozen=True, slots=True)
class InfluxWrite:
    """A parsed write. A refusal's item is the number of its line, from 0.

    `all_timed` tells whether every line gives its time, so that the same body again means the same points.
    """

    parsed: Parsed
    all_timed: bool


def parse_write(body: bytes, precision: str, window: TimeWindow, *, max_points: int) -> InfluxWrite:
    """Return the points of `POST /write` and `/api/v2/write`; a line with a fault is refused as a whole.

    Raises Malformed for an unknown precision, BatchSize for more than `max_points` points or lines. A body
    without lines, or with texts only, has no points.
    """
    unit = precision_of(precision)
    line_ends = body.count(b"\n")
    # Empty lines and comments are no points, but cost time.
    check_points(line_ends // LINES_PER_POINT, max_points)
    lines = (read_plain if line_ends >= MANY_LINES else read_few)(body, max_points)
    if lines is None:
        return _parse_exactly(body, unit, window, max_points)
    return _parse_plain(lines, unit, window)


def _parse_plain(lines: Lines, unit: Precision, window: TimeWindow) -> InfluxWrite:
    count = int(lines.lines[-1]) + 1
    refusals = Refusals(count)
    times = np.full(count, window.received_at_us, dtype=np.int64)
    if lines.stamps is not None:
        times = unit.instants_of(lines.stamps)
        _refuse_outside(times, lines.stamps, unit, window, refusals)
    return InfluxWrite(_assembled(lines, times, refusals, count), all_timed=lines.stamps is not None)


def _parse_exactly(body: bytes, unit: Precision, window: TimeWindow, max_points: int) -> InfluxWrite:
    reader = ExactReader(body, max_points)
    lines = reader.read()
    times = np.full(len(reader.has_stamp), window.received_at_us, dtype=np.int64)
    if lines.stamps is not None:
        times = np.where(reader.has_stamp, unit.instants_of(lines.stamps), times)
        _refuse_outside(times, lines.stamps, unit, window, reader.refusals)
    parsed = _assembled(lines, times, reader.refusals, reader.line_count)
    return InfluxWrite(parsed, all_timed=reader.untimed_count == 0 and reader.line_count > 0)


def _refuse_outside(
    times: Instants, stamps: Instants, unit: Precision, window: TimeWindow, refusals: Refusals
) -> None:
    outside = window.faults(times) & ~refusals.marks
    for line in np.flatnonzero(outside).tolist():
        detail = window.explain(int(stamps[line]), unit.unit)
        refusals.add(line, "timestamp", TimestampOutOfRange.code, detail)


def _assembled(lines: Lines, times: Instants, refusals: Refusals, count: int) -> Parsed:
    return assemble(
        lines.table,
        lines.key_index,
        times[lines.lines],
        without_minus_zero(lines.values),
        refusals,
        items=lines.lines,
        item_count=count,
    )
