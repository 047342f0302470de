"""Shown statistics: 9 significant digits of sums and means, an interval with digits of its width."""

from dataclasses import dataclass
from math import isnan
from typing import Any, Final

import numpy as np

from apps.datasets.queries import Floats, Int64s
from apps.spatial.intervals import Moments

SIGNIFICANT_DIGITS: Final = 9
# An interval keeps as many digits of its width, however small that is beside the mean.
WIDTH_DIGITS: Final = 3
MAX_DECIMALS: Final = 15
NO_DECIMALS: Final = -99

VALUE_FIELDS: Final = ("n", "sum", "mean", "min", "max", "ci")


@dataclass(frozen=True, slots=True)
class ValueColumns:
    """Shown statistics, NaN where there are none."""

    n: Int64s
    total: Floats
    mean: Floats
    low: Floats
    high: Floats
    lower: Floats
    upper: Floats


def h3_texts(cells: Int64s) -> list[str]:
    """Return the hexadecimal form of cells: 15 digits, as the library writes them."""
    digits = cells.astype(">i8").tobytes().hex()
    return [digits[start + 1 : start + 16] for start in range(0, len(digits), 16)]


def value_columns(values: Moments, level: float) -> ValueColumns:
    """Return the statistics as shown: 9 significant digits, least and greatest value as they are."""
    half = values.half_widths(level)
    present = values.n > 0
    mean = np.where(present, values.mean, np.nan)
    decimals = np.maximum(_decimals(mean, SIGNIFICANT_DIGITS), _decimals(half, WIDTH_DIGITS))
    total = np.where(present, values.total, np.nan)
    return ValueColumns(
        n=values.n,
        total=_rounded(total, _decimals(total, SIGNIFICANT_DIGITS)),
        mean=_rounded(mean, decimals),
        low=values.low,
        high=values.high,
        lower=_rounded(mean - half, decimals),
        upper=_rounded(mean + half, decimals),
    )


def value_rows(values: Moments, level: float) -> list[dict[str, Any] | None]:
    """Return the statistics of each cell, None without values."""
    shown = value_columns(values, level)
    bounds = zip(shown.lower.tolist(), shown.upper.tolist(), strict=True)
    intervals = [
        None if isnan(lower) else {"lower": lower, "upper": upper, "level": level} for lower, upper in bounds
    ]
    columns = (shown.n, shown.total, shown.mean, shown.low, shown.high)
    rows = zip(*(column.tolist() for column in columns), intervals, strict=True)
    return [dict(zip(VALUE_FIELDS, row, strict=True)) if row[0] else None for row in rows]


def _decimals(numbers: Floats, digits: int) -> Int64s:
    """Return the decimals with which numbers show so many significant digits; negative for large ones."""
    size = np.abs(numbers)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    whole = np.nan_to_num(digits - 1 - exponents, nan=NO_DECIMALS)
    return np.minimum(np.where(size > 0, whole, NO_DECIMALS), MAX_DECIMALS).astype(np.int64)


def _rounded(numbers: Floats, decimals: Int64s) -> Floats:
    """Return each number rounded to its decimals."""
    rounded = numbers.copy()
    for places in np.unique(decimals).tolist():
        chosen = decimals == places
        rounded[chosen] = np.round(numbers[chosen], places) if places > NO_DECIMALS else numbers[chosen]
    return rounded
