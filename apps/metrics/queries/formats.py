"""Answers as bytes: JSON with columns, CSV with one row per bucket."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, Literal

import numpy as np
import orjson

from apps.metrics.calendar.intervals import Instants
from apps.metrics.calendar.windows import SECOND_US
from apps.metrics.codec.arrays import Float64s
from apps.metrics.queries.series import Series, SeriesAnswer

MILLISECOND_US: Final = 1_000
# Integral numbers below it are written without a fraction: all of them are exact.
INTEGRAL_BELOW: Final = float(1 << 53)
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class Times(StrEnum):
    """How instants are written."""

    RFC3339 = "rfc3339"
    EPOCH_S = "epoch_s"
    EPOCH_MS = "epoch_ms"


def encode_json(document: Mapping[str, Any]) -> bytes:
    """Return a document that may hold numpy arrays; instants are datetime64."""
    return orjson.dumps(document, option=_OPTIONS)


def json_answer(answer: SeriesAnswer, times: Times = Times.RFC3339) -> bytes:
    """Return an answer as JSON."""
    return encode_json({**head_of(answer, times), "series": [_series(each, times) for each in answer.series]})


def head_of(answer: SeriesAnswer, times: Times = Times.RFC3339) -> dict[str, Any]:
    """Return what an answer says of itself: window, interval, zone."""
    start, end = written(np.array([answer.window.start, answer.window.end]), times)
    return {"from": start, "to": end, "interval": answer.interval, "zone": answer.zone}


def csv_answer(answer: SeriesAnswer, times: Times = Times.RFC3339) -> bytes:
    """Return an answer as CSV: one row per bucket of each metric or group, a column per aggregation.

    Groups have a column for each tag instead of the metric.
    """
    tags = next((list(each.group) for each in answer.series if each.group is not None), None)
    aggregations = list(dict.fromkeys(each.aggregation for each in answer.series))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*(["metric"] if tags is None else tags), "at", *aggregations, "partial"])
    for _, group in groupby(answer.series, key=lambda each: (each.id, each.group)):
        writer.writerows(_rows(list(group), aggregations, times))
    return text.getvalue().encode()


def written(at: Instants, times: Times) -> Any:
    """Return instants as they are written, in an array or a list."""
    if times is Times.RFC3339:
        return at.astype("datetime64[us]")
    unit = SECOND_US if times is Times.EPOCH_S else MILLISECOND_US
    return at / unit if (at % unit).any() else at // unit


def json_numbers(values: Float64s) -> Any:
    """Return numbers as they are written: integral ones below 2^53 as integers, NaN as null."""
    is_integral = (values == np.floor(values)) & (np.abs(values) < INTEGRAL_BELOW)
    if is_integral.all():
        return values.astype(np.int64)
    if not is_integral.any():
        return values
    numbers = values.tolist()
    for place in np.flatnonzero(is_integral).tolist():
        numbers[place] = int(numbers[place])
    return numbers


def plain_numbers(values: Float64s) -> list[Any]:
    """Return numbers as `json_numbers` writes them, as Python's own."""
    numbers = json_numbers(values)
    listed = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    return [None if number != number else number for number in listed]  # noqa: PLR0124 - NaN


def plain_instants(at: Instants, times: Times = Times.RFC3339) -> list[Any]:
    """Return instants as they are written, as Python's own."""
    if times is not Times.RFC3339:
        found: list[Any] = written(at, times).tolist()
        return found
    unit: Literal["us", "s"] = "us" if (at % SECOND_US).any() else "s"
    texts: list[Any] = np.datetime_as_string(at.astype("datetime64[us]"), unit=unit, timezone="UTC").tolist()
    return texts


def _series(series: Series, times: Times) -> dict[str, Any]:
    document = {
        "metric": series.metric,
        "id": series.id,
        "type": series.type,
        "unit": series.unit,
        "group": series.group,
        "aggregation": series.aggregation,
        "exact": series.exact,
        "relative_error": series.relative_error,
        "at": written(series.at, times),
        "values": json_numbers(series.values),
        "partial": written(series.partial, times),
    }
    if series.gaps is not None:
        document["gaps"] = written(series.gaps, times)
    return document


def _rows(series: Sequence[Series], aggregations: Sequence[str], times: Times) -> Iterator[list[Any]]:
    """Yield the rows of the aggregations of one metric or group, which have the same buckets."""
    one = series[0]
    names = [one.metric] if one.group is None else list(one.group.values())
    columns = {each.aggregation: plain_numbers(each.values) for each in series}
    empty = [None] * len(one.at)
    cut = frozenset(one.partial.tolist())
    rows = zip(
        plain_instants(one.at, times),
        *(columns.get(name, empty) for name in aggregations),
        ["true" if at in cut else "false" for at in one.at.tolist()],
        strict=True,
    )
    return ([*names, *row] for row in rows)


ENCODERS: Final[Mapping[str, Callable[[SeriesAnswer, Times], bytes]]] = {
    "json": json_answer,
    "csv": csv_answer,
}
MEDIA_TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
