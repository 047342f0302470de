"""A synthetic city as CSV, the same bytes for the same seed: rhythm, hot cells, and flaws in known numbers.

Of 60,000 rows 300 are rejected, 30 for each of ten codes, and 60 repeat an earlier id.
"""

import csv
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final, TextIO

from apps.datasets.reading.rows import RowCode

HEADER: Final = ("id", "occurred_at", "latitude", "longitude", "category", "severity", "district")
BAD_SHARE: Final = 0.005
REPEATED_SHARE: Final = 0.001
_START: Final = date(2024, 1, 1)
_CENTRE: Final = (48.2085, 16.3721)
_WEEKDAYS: Final = (0.9, 0.9, 0.95, 1.0, 1.3, 1.45, 1.1)
_HOURS: Final = (5, 4, 3, 2, 1, 1, 2, 4, 6, 6, 6, 7, 8, 8, 8, 9, 10, 11, 12, 12, 11, 10, 8, 7)
# Kinds and their weights, summed up.
_CATEGORIES: Final = (
    ("theft", "noise", "traffic", "vandalism", "assault", "fire"),
    (34, 56, 74, 88, 96, 100),
)
_NIGHT_CATEGORIES: Final = (("noise", "assault", "vandalism"), (50, 75, 100))
_HOT_CELLS: Final = ((48.2186, 16.3926, "north"), (48.1952, 16.3695, "station"), (48.2101, 16.3490, "market"))
_MOVING_FROM: Final = (48.2300, 16.3400)
_MOVING_TO: Final = (48.1850, 16.4100)
_HOT_SHARE: Final = 0.32
_MOVING_SHARE: Final = 0.12
_HOT_SPREAD_DEG: Final = 0.0012
_CITY_SPREAD_DEG: Final = 0.025
_NIGHT_HOURS: Final = (22, 23, 0, 1, 2, 3)

Row = list[str]


def sample_city(stream: TextIO, *, seed: int = 7, rows: int = 60_000, months: int = 24) -> None:
    """Write the city to a text stream (opened with newline="")."""
    random = Random(seed)  # noqa: S311 - for repeatable noise, not secrets
    instants = _instants(random, rows, months)
    table = [_row(random, number, at, number / rows) for number, at in enumerate(instants, 1)]
    flawed = sorted(random.sample(range(rows), round(rows * BAD_SHARE)))
    _repeat_ids(random, table, set(flawed))
    for turn, at in enumerate(flawed):
        table[at] = _FLAWS[turn % len(_FLAWS)][1](table[at])
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(table)


def _instants(random: Random, rows: int, months: int) -> list[datetime]:
    """Return instants in order: more on some weekdays, and at some hours."""
    year, month = divmod(_START.month - 1 + months, 12)
    days = (date(_START.year + year, month + 1, 1) - _START).days
    by_day = list(accumulate(_WEEKDAYS[(_START + timedelta(day)).weekday()] for day in range(days)))
    by_hour = list(accumulate(_HOURS))
    first = datetime(_START.year, _START.month, 1, tzinfo=UTC)
    found = []
    for _ in range(rows):
        hours = 24 * _pick(random, by_day) + _pick(random, by_hour)
        found.append(first + timedelta(hours=hours, seconds=int(random.random() * 3_600)))
    return sorted(found)


def _pick(random: Random, summed: Sequence[float]) -> int:
    """Return an index by weights that are summed up."""
    return bisect_left(summed, random.random() * summed[-1])


def _row(random: Random, number: int, at: datetime, progress: float) -> Row:
    latitude, longitude, district = _place(random, progress)
    kinds, summed = _NIGHT_CATEGORIES if at.hour in _NIGHT_HOURS else _CATEGORIES
    category = kinds[_pick(random, summed)]
    severity = 1 + 9 * random.random() ** 2
    place = f"{latitude:.6f}", f"{longitude:.6f}"
    return [
        f"SC-{number:07d}",
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        *place,
        category,
        f"{severity:.1f}",
        district,
    ]


def _place(random: Random, progress: float) -> tuple[float, float, str]:
    """Return a point: in a hot cell, near the one that moves through the months, or anywhere in the city."""
    draw = random.random()
    if draw < _HOT_SHARE:
        latitude, longitude, name = _HOT_CELLS[int(draw / _HOT_SHARE * len(_HOT_CELLS))]
        return (*_scatter(random, latitude, longitude, _HOT_SPREAD_DEG), name)
    if draw < _HOT_SHARE + _MOVING_SHARE:
        latitude, longitude = (a + (b - a) * progress for a, b in zip(_MOVING_FROM, _MOVING_TO, strict=True))
        return (*_scatter(random, latitude, longitude, _HOT_SPREAD_DEG), "moving")
    latitude, longitude = _scatter(random, *_CENTRE, _CITY_SPREAD_DEG)
    return latitude, longitude, "east" if longitude > _CENTRE[1] else "west"


def _scatter(random: Random, latitude: float, longitude: float, spread_deg: float) -> tuple[float, float]:
    """Return a point about another one, normally distributed (Box and Muller 1958)."""
    radius = spread_deg * math.sqrt(-2 * math.log(1 - random.random()))
    angle = math.tau * random.random()
    return latitude + radius * math.sin(angle), longitude + radius * math.cos(angle) / math.cos(
        math.radians(latitude)
    )


def _repeat_ids(random: Random, table: list[Row], flawed: set[int]) -> None:
    """Give some sound rows the id of an earlier sound row, each id at most twice."""
    sound = [at for at in range(len(table)) if at not in flawed]
    picked = random.sample(sound, 2 * round(len(table) * REPEATED_SHARE))
    for one, other in zip(picked[0::2], picked[1::2], strict=True):
        table[max(one, other)][0] = table[min(one, other)][0]


def _set(column: str, text: str) -> Callable[[Row], Row]:
    index = HEADER.index(column)
    return lambda row: [*row[:index], text, *row[index + 1 :]]


_FLAWS: Final[tuple[tuple[RowCode, Callable[[Row], Row]], ...]] = (
    (RowCode.ROW_BLANK, lambda row: [""] * len(row)),
    (RowCode.TOO_FEW_FIELDS, lambda row: row[:4]),
    (RowCode.TOO_MANY_FIELDS, lambda row: [*row, "and more"]),
    (RowCode.TIMESTAMP_MISSING, _set("occurred_at", "")),
    (RowCode.TIMESTAMP_INVALID, _set("occurred_at", "2024-02-30T12:00:00Z")),
    (RowCode.TIMESTAMP_OUT_OF_RANGE, _set("occurred_at", "1024-05-01T12:00:00Z")),
    (RowCode.COORDINATE_MISSING, _set("latitude", "")),
    (RowCode.COORDINATE_INVALID, _set("longitude", "unknown")),
    (RowCode.COORDINATE_OUT_OF_RANGE, _set("latitude", "482.085000")),
    (RowCode.VALUE_INVALID, _set("severity", "high")),
)
FLAWS: Final = tuple(code for code, _ in _FLAWS)
