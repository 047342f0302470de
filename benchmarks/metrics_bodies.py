"""Bodies of points, encoded before the measurement: 1,000 metrics that walk at random, a point a second each.

Every line of a body has the same width, so that a body is sent again with later times by writing the digits
of its seconds: no two requests of a run are equal, and the generator has next to nothing to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

METRICS: Final = 1_000
SEED: Final = 20_261
# Two decimals between 100.00 and 999.99: always six characters.
LOWEST_CENTS, HIGHEST_CENTS = 10_000, 99_999
STEP_CENTS: Final = 50


class Format(StrEnum):
    """How points are written."""

    LINES = "lines"
    ROWS = "rows"
    COLUMNS = "columns"


@dataclass(slots=True)
class Body:
    """An encoded request body, and where the digits of its seconds stand."""

    content: Bytes
    seconds: Bytes = field(repr=False)

    def dated(self, digits: bytes) -> Bytes:
        """Write the leading digits of all seconds, and return the content."""
        self.seconds[:] = np.frombuffer(digits, np.uint8)
        return self.content


def walk(shape: tuple[int, int], seed: int = SEED) -> npt.NDArray[np.int64]:
    """Return readings in cents, a random walk down each column, thrown back at the bounds."""
    steps = np.random.default_rng(seed).normal(0, STEP_CENTS, shape).round().astype(np.int64)
    steps[0] += np.random.default_rng(seed + 1).integers(20_000, 90_000, shape[1])
    span = HIGHEST_CENTS - LOWEST_CENTS
    folded = (steps.cumsum(axis=0) - LOWEST_CENTS) % (2 * span)
    return LOWEST_CENTS + np.where(folded > span, 2 * span - folded, folded)


def digits_of(numbers: npt.NDArray[np.int64], width: int) -> Bytes:
    """Return the decimal digits of numbers, one row each, padded with zeros."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def filled(template: str, columns: dict[str, Bytes], count: int) -> Bytes:
    """Return `count` copies of a template, each of its letters' runs filled with a column's digits.

    A column is named by the letter that stands for its digits, as many times as it has digits.
    """
    lines = np.tile(np.frombuffer(template.encode(), np.uint8), (count, 1))
    for letter, digits in columns.items():
        start = template.index(letter)
        lines[:, start : start + digits.shape[1]] = digits
    return lines


# The letters of a template: M metric, V whole, W hundredths, S seconds, T milliseconds.
SECONDS: Final = "SSSSSSSSSS"
TEMPLATES: Final = {
    Format.LINES: f"load.hMMM value=VVV.WW {SECONDS}TTT000000\n",
    Format.ROWS: f'{{"metric":"load.hMMM","type":"value","value":VVV.WW,"timestamp":{SECONDS}.TTT}},',
}
COLUMN_TEMPLATES: Final = ('"load.hMMM",', "VVV.WW,", f"{SECONDS}.TTT,")
COLUMN_HEADS: Final = ('{"columns":{"metric":[', '],"type":"value","value":[', '],"timestamp":[')


@dataclass(frozen=True, slots=True)
class Points:
    """Points by column: metric 0 to 999, cents, milliseconds in the second, and the last digit of that."""

    metrics: npt.NDArray[np.int64]
    cents: npt.NDArray[np.int64]
    milliseconds: npt.NDArray[np.int64]
    last_digits: npt.NDArray[np.int64]

    def part(self, start: int, stop: int) -> "Points":
        """Return the points of a range."""
        chosen = slice(start, stop)
        return Points(
            self.metrics[chosen], self.cents[chosen], self.milliseconds[chosen], self.last_digits[chosen]
        )

    def columns(self) -> dict[str, Bytes]:
        """Return the digits by the letters of the templates."""
        return {
            "M": digits_of(self.metrics, 3),
            "V": digits_of(self.cents // 100, 3),
            "W": digits_of(self.cents % 100, 2),
            "S": digits_of(self.last_digits, 10),
            "T": digits_of(self.milliseconds, 3),
        }


def points_of_walk(span_s: int, *, is_dense: bool) -> Points:
    """Return one point of each metric for each second of a span, or if dense for each tenth of one."""
    steps = np.repeat(np.arange(span_s), METRICS)
    milliseconds = np.random.default_rng(SEED + 2).integers(0, 1_000, span_s * METRICS)
    if is_dense:
        milliseconds = steps % 10 * 100 + milliseconds % 100
    metrics = np.tile(np.arange(METRICS), span_s)
    return Points(metrics, walk((span_s, METRICS)).reshape(-1), milliseconds, steps % 10)


def lines_body(points: Points, dated_digits: int) -> Body:
    """Return line protocol in nanoseconds."""
    lines = filled(TEMPLATES[Format.LINES], points.columns(), len(points.metrics))
    start = TEMPLATES[Format.LINES].index("S")
    # A column of a contiguous array: writing to it writes to the content.
    return Body(lines.reshape(-1), lines[:, start : start + dated_digits])


def rows_body(points: Points, dated_digits: int) -> Body:
    """Return JSON rows with decimal seconds."""
    template = TEMPLATES[Format.ROWS]
    content, (rows,) = framed(['{"points":['], [template], "]}", points)
    start = template.index("S")
    return Body(content, rows[:, start : start + dated_digits])


def columns_body(points: Points, dated_digits: int) -> Body:
    """Return JSON columns with decimal seconds."""
    content, (*_, times) = framed(COLUMN_HEADS, COLUMN_TEMPLATES, "]}}", points)
    return Body(content, times[:, :dated_digits])


def framed(
    heads: Sequence[str], templates: Sequence[str], tail: str, points: Points
) -> tuple[Bytes, list[Bytes]]:
    """Return a document of filled lists, each after its head, and each list's part of it, one row a point."""
    columns = points.columns()
    count = len(points.metrics)
    # Each list is one comma shorter than its lines.
    length = sum(map(len, heads)) + count * sum(map(len, templates)) - len(heads) + len(tail)
    content = np.empty(length, np.uint8)
    parts, at = [], 0
    for head, template in zip(heads, templates, strict=True):
        content[at : at + len(head)] = np.frombuffer(head.encode(), np.uint8)
        at += len(head)
        own = {letter: digits for letter, digits in columns.items() if letter in template}
        part = content[at : at + count * len(template)].reshape(count, len(template))
        part[:] = filled(template, own, count)
        parts.append(part)
        at += count * len(template) - 1
    content[at:] = np.frombuffer(tail.encode(), np.uint8)
    return content, parts


ENCODERS: Final[dict[Format, Callable[[Points, int], Body]]] = {
    Format.LINES: lines_body,
    Format.ROWS: rows_body,
    Format.COLUMNS: columns_body,
}


class Pool:
    """Bodies of one format and size that follow each other, `span_s` seconds of all metrics in all.

    Body n of a run holds the points after those of body n - 1; after the last of the pool comes the first
    again, at later times. A dense one has ten points a second of each metric instead of one.
    """

    def __init__(self, format_: Format, body_points: int, *, span_s: int, is_dense: bool = False) -> None:
        # A body of 10,000 holds ten seconds, one of 100 the tenth part of a second's metrics.
        self._seconds_each = 1 if is_dense else max(1, body_points // METRICS)
        self._parts_of_second = max(1, METRICS // body_points)
        self._dated_digits = 9 if self._seconds_each == 10 else 10
        points = points_of_walk(span_s, is_dense=is_dense)
        self._bodies = [
            ENCODERS[format_](points.part(start, start + body_points), self._dated_digits)
            for start in range(0, span_s * METRICS, body_points)
        ]

    def body(self, number: int, first_s: int) -> Bytes:
        """Return body `number` of a run that begins at second `first_s`, a multiple of ten."""
        second_s = first_s + number // self._parts_of_second * self._seconds_each
        digits = str(second_s).encode()[: self._dated_digits]
        return self._bodies[number % len(self._bodies)].dated(digits)


def seconds_of(points: int) -> int:
    """Return how many seconds of all metrics so many points are, a multiple of ten."""
    return -(-points // (METRICS * 10)) * 10
