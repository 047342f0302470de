"""Geometry of the small pictures that pages show; pure, in units of the picture's view box."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SPARK_WIDTH: Final = 96
SPARK_HEIGHT: Final = 22
SPARK_MARGIN: Final = 2

TREND_WIDTH: Final = 760
TREND_HEIGHT: Final = 260
TREND_LEFT: Final = 56
TREND_RIGHT: Final = 12
TREND_TOP: Final = 12
TREND_BOTTOM: Final = 30
TICKS: Final = 5
PERIOD_LABELS_MAX: Final = 8

WATERFALL_WIDTH: Final = 300
BAR_MIN: Final = 1.5
# A line needs two.
POINTS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to a side of the picture."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value lies."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 2)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where, and what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A month of the signal itself."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class TrendChart:
    """The months of a signal above the bands of its peers; lines are `points` attributes, gaps part them."""

    lines: tuple[str, ...]
    dots: tuple[Dot, ...]
    outer_band: str
    inner_band: str
    median: str
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Peers:
    """Percentiles of the peers, one value a month of the chart (None where there is none)."""

    p10: Sequence[float | None]
    p25: Sequence[float | None]
    p50: Sequence[float | None]
    p75: Sequence[float | None]
    p90: Sequence[float | None]

    def values(self) -> Iterable[float | None]:
        """Yield every value."""
        for line in (self.p10, self.p25, self.p50, self.p75, self.p90):
            yield from line


def spark_lines(values: Sequence[float | None]) -> list[str]:
    """Return a month's values as polylines of a spark line; a missing month parts them."""
    known = [value for value in values if value is not None]
    if len(known) < POINTS_MIN:
        return []
    x = Scale(0, len(values) - 1, SPARK_MARGIN, SPARK_WIDTH - SPARK_MARGIN)
    y = Scale(min(known), max(known), SPARK_HEIGHT - SPARK_MARGIN, SPARK_MARGIN)
    return _lines(values, x, y)


def trend_chart(
    periods: Sequence[str], values: Sequence[float | None], peers: Peers | None
) -> TrendChart | None:
    """Draw a signal's months; None without two of them. `periods` are names of months, one a value."""
    known = [value for value in values if value is not None]
    if len(known) < POINTS_MIN:
        return None
    shown = [*known, *(each for each in (peers.values() if peers else ()) if each is not None)]
    ticks = nice_ticks(min(shown), max(shown))
    x = Scale(0, len(values) - 1, TREND_LEFT, TREND_WIDTH - TREND_RIGHT)
    y = Scale(ticks[0], ticks[-1], TREND_HEIGHT - TREND_BOTTOM, TREND_TOP)
    every = math.ceil(len(periods) / PERIOD_LABELS_MAX)
    return TrendChart(
        lines=tuple(_lines(values, x, y)),
        dots=tuple(
            Dot(x.at(place), y.at(value), f"{period}: {value:,.4g}")
            for place, (period, value) in enumerate(zip(periods, values, strict=True))
            if value is not None
        ),
        outer_band=_band(peers.p10, peers.p90, x, y) if peers else "",
        inner_band=_band(peers.p25, peers.p75, x, y) if peers else "",
        median=" ".join(_points(peers.p50, x, y)) if peers else "",
        y_ticks=tuple(Tick(y.at(tick), f"{tick:,.10g}") for tick in ticks),
        x_ticks=tuple(
            Tick(x.at(place), period) for place, period in enumerate(periods) if place % every == 0
        ),
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, about five of them."""
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = (high - low) / (TICKS - 1)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next((size * factor for factor in (1, 2, 2.5, 5) if size * factor >= raw), size * 10)
    first = math.floor(low / step)
    last = math.ceil(high / step)
    return [round(number * step, 12) for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of a waterfall: it starts where the one before ended. `x` and `width` of the view box."""

    x: float
    width: float


def waterfall(excesses: Sequence[float | None]) -> list[Bar]:
    """Return one bar an excess, each from the sum before it to the sum after it."""
    sums = [0.0]
    for excess in excesses:
        sums.append(sums[-1] + (excess or 0.0))
    scale = Scale(min(sums), max(sums), 0, WATERFALL_WIDTH)
    bars = []
    for before, after in pairwise(sums):
        left, right = sorted((scale.at(before), scale.at(after)))
        width = max(right - left, BAR_MIN)
        bars.append(Bar(min(left, WATERFALL_WIDTH - width), width))
    return bars


def _lines(values: Sequence[float | None], x: Scale, y: Scale) -> list[str]:
    lines: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{x.at(place)},{y.at(value)}")
    return [" ".join(line) for line in lines if len(line) > 1]


def _points(values: Sequence[float | None], x: Scale, y: Scale) -> list[str]:
    return [f"{x.at(place)},{y.at(value)}" for place, value in enumerate(values) if value is not None]


def _band(low: Sequence[float | None], high: Sequence[float | None], x: Scale, y: Scale) -> str:
    """Return the polygon between two percentiles."""
    return " ".join([*_points(high, x, y), *reversed(_points(low, x, y))])
