"""How the points of a bucket become a number: names, and what must be read for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Final

from apps.metrics.storage.reading import Need

MAX_AGGREGATIONS: Final = 8
THOUSANDTHS: Final = 1_000
# What every percentile of a sketch is within, relative to the point that it stands for.
SKETCH_ERROR: Final = 0.01
_PERCENTILE: Final = re.compile(r"p(\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)


class Statistic(StrEnum):
    """What is computed of the points of a bucket."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    RATE = "rate"
    PERCENTILE = "percentile"


NEEDS: Final = {
    Statistic.SUM: Need.SUM,
    Statistic.AVG: Need.SUM | Need.COUNT,
    Statistic.MIN: Need.MIN,
    Statistic.MAX: Need.MAX,
    Statistic.COUNT: Need.COUNT,
    Statistic.FIRST: Need.FIRST,
    Statistic.LAST: Need.LAST,
    Statistic.RATE: Need.SUM,
    Statistic.PERCENTILE: Need.SKETCH | Need.MIN | Need.MAX,
}


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregation as it was asked for; a percentile in thousandths."""

    text: str
    statistic: Statistic
    percentile: int = 0

    @property
    def is_percentile(self) -> bool:
        """Tell whether it is one of p0 to p100."""
        return self.statistic is Statistic.PERCENTILE


def parse_aggregation(text: str) -> Aggregation:
    """Return an aggregation by its name; raises ValueError."""
    if found := _PERCENTILE.fullmatch(text):
        percentile = int(found[1]) * THOUSANDTHS + int((found[2] or "").ljust(3, "0"))
        if percentile <= 100 * THOUSANDTHS:
            return Aggregation(text, Statistic.PERCENTILE, percentile)
    if text == Statistic.PERCENTILE or text not in list(Statistic):
        raise ValueError("write sum, avg, min, max, count, first, last, rate or p0 to p100 such as p99.9")
    return Aggregation(text, Statistic(text))


def needs_of(aggregations: Iterable[Aggregation]) -> Need:
    """Return what must be read of rollup rows."""
    return reduce(or_, (NEEDS[aggregation.statistic] for aggregation in aggregations), Need.NOTHING)
