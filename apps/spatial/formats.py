"""The hexagon answer as bytes: rows (json), one array per field (columns), features (geojson)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from typing import Any, Final

import numpy as np
import orjson

from apps.common.serializers import rfc3339
from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.cells import BASE_RESOLUTION
from apps.spatial.cell_tables import CellTable, NamedCounts
from apps.spatial.geometry import Bounds, outlines, overall_bounds
from apps.spatial.hexes import AskedWindow, HexAnswer, TooExpensive
from apps.spatial.intervals import Moments
from apps.spatial.sources import HexQuery, Source

SIGNIFICANT_DIGITS: Final = 9
# An interval keeps as many digits of its width, however small that is beside the mean.
WIDTH_DIGITS: Final = 3
MAX_DECIMALS: Final = 15
# Categories times cells, in columns: one number each, also where it is 0.
MAX_DENSE: Final = 25_000_000
NO_DECIMALS: Final = -99

VALUE_FIELDS: Final = ("n", "sum", "mean", "min", "max", "ci")


class AnswerFormat(StrEnum):
    """The forms of an answer, by the `format` parameter."""

    JSON = "json"
    COLUMNS = "columns"
    GEOJSON = "geojson"


MEDIA_TYPES: Final = {
    AnswerFormat.JSON: "application/json",
    AnswerFormat.COLUMNS: "application/vnd.sextant.columns+json",
    AnswerFormat.GEOJSON: "application/geo+json",
}


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


def encode_answer(answer: HexAnswer, form: AnswerFormat) -> bytes:
    """Return the answer in a format; the same answer gives the same bytes."""
    encoders = {
        AnswerFormat.JSON: _encode_rows,
        AnswerFormat.COLUMNS: _encode_columns,
        AnswerFormat.GEOJSON: _encode_features,
    }
    return encoders[form](answer)


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


def named_rows(counts: NamedCounts, rows: int) -> list[dict[str, int]]:
    """Return each row's counts by name."""
    found: list[dict[str, int]] = [{} for _ in range(rows)]
    triples = zip(counts.row.tolist(), counts.name.tolist(), counts.counts.tolist(), strict=True)
    for row, name, count in triples:
        found[row][counts.names[name]] = count
    return found


def citation(query: HexQuery, sources: Sequence[Source], window: AskedWindow) -> dict[str, Any]:
    """Return what every answer says of itself: the data it was computed from, the window, the filters."""
    filters = query.filters
    start, end = window
    first_hour, last_hour = filters.hours or (None, None)
    return {
        "datasets": [
            {"id": str(source.dataset.pk), "version": source.epoch.number, "zone": source.dataset.zone}
            for source in sources
        ],
        "window": {"from": start and rfc3339(start), "to": end and rfc3339(end)},
        "filters": {
            **query.echo,
            "category": list(filters.categories),
            "label": list(filters.labels),
            "value_min": filters.value_min,
            "value_max": filters.value_max,
            "hour_from": first_hour,
            "hour_to": last_hour,
            "weekday": list(filters.weekdays),
        },
    }


def _head(answer: HexAnswer) -> dict[str, Any]:
    return {
        "resolution": answer.resolution,
        "base_resolution": BASE_RESOLUTION,
        **citation(answer.query, answer.sources, answer.window),
        "events": answer.table.events,
        "partial_events": answer.table.partial_events,
        "excluded_no_time": answer.table.excluded_no_time,
        "suppressed": False,
    }


def _encode_rows(answer: HexAnswer) -> bytes:
    rows = cell_rows(answer.table, answer.query.level)
    if "geometry" in answer.query.include:
        for row, geometry in zip(rows, outlines(answer.table.cells)[0], strict=True):
            row["geometry"] = geometry
    return orjson.dumps({**_head(answer), "cells": rows})


def _encode_features(answer: HexAnswer) -> bytes:
    geometries, bounds = outlines(answer.table.cells)
    rows = cell_rows(answer.table, answer.query.level)
    features = [
        {"type": "Feature", "id": row["h3"], "bbox": box, "geometry": geometry, "properties": row}
        for row, geometry, box in zip(rows, geometries, bounds, strict=True)
    ]
    whole: Bounds | None = overall_bounds(bounds)
    collection = {"type": "FeatureCollection", **({"bbox": whole} if whole else {}), **_head(answer)}
    return orjson.dumps({**collection, "features": features})


def _encode_columns(answer: HexAnswer) -> bytes:
    table = answer.table
    columns: dict[str, Any] = {"h3": h3_texts(table.cells), "count": table.counts}
    if table.categories is not None:
        columns["categories"] = _dense(table.categories, table.cells.size)
    if table.labels is not None:
        columns["labels"] = _dense(table.labels, table.cells.size)
    if table.values is not None:
        shown = value_columns(table.values, answer.query.level)
        interval = {"lower": shown.lower, "upper": shown.upper, "level": answer.query.level}
        columns["value"] = {
            "n": shown.n,
            "sum": shown.total,
            "mean": shown.mean,
            "min": shown.low,
            "max": shown.high,
            "ci": interval,
        }
    if "geometry" in answer.query.include:
        columns["geometry"] = outlines(table.cells)[0]
    return orjson.dumps({**_head(answer), **columns}, option=orjson.OPT_SERIALIZE_NUMPY)


def cell_rows(table: CellTable, level: float) -> list[dict[str, Any]]:
    """Return each cell as an object."""
    size = table.cells.size
    columns: dict[str, Sequence[Any]] = {"h3": h3_texts(table.cells), "count": table.counts.tolist()}
    if table.categories is not None:
        columns["categories"] = named_rows(table.categories, size)
    if table.labels is not None:
        columns["labels"] = named_rows(table.labels, size)
    if table.values is not None:
        columns["value"] = value_rows(table.values, level)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _dense(counts: NamedCounts, rows: int) -> dict[str, Int64s]:
    """Return an array per name; raises TooExpensive when that is more numbers than one answer may hold."""
    if len(counts.names) * rows > MAX_DENSE:
        raise TooExpensive("That many cells with that many names do not fit in columns; leave out the names.")
    return {name: counts.column(index, rows) for index, name in enumerate(counts.names)}


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
