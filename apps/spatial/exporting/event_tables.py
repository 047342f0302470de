"""Batches of events as rows of a table: what stands in which column of an export."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute

from apps.datasets.queries import Int64s
from apps.datasets.queries.event_stream import EventBatch
from apps.datasets.queries.scopes import Scope
from apps.spatial.formats.writers import GEOMETRY, fixed_width, h3_array, point_wkb

E7: Final = 10_000_000
# Not called an id, which imports would take for the source's own.
NUMBER: Final = "number"
BEGINS: Final = "begins_at"
SECOND_US: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What the parts hold of an exported event.
REST_COLUMNS: Final = ("external_id", "properties")
# Columns in which few different texts or numbers are.
REPEATED: Final = ("dataset", "precision", "category", "label", "value", "properties")
# By the number that an event has.
PRECISIONS: Final = ("instant", "day", "month", "year")
PERIOD_FORMATS: Final = (None, "%Y-%m-%d", "%Y-%m", "%Y")
DAY_S: Final = 86_400
TWO_DIGITS: Final = np.array([f"{number:02}" for number in range(60)], "S2")
INSTANT_LAYOUT: Final = np.dtype(
    [
        ("date", "S10"), ("t", "S1"), ("hour", "S2"), ("colon", "S1"), ("minute", "S2"), ("colon2", "S1"),
        ("second", "S2"), ("z", "S1"),
    ]
)  # fmt: skip

_compute: Final[Any] = pyarrow.compute
_FIELDS: Final[list[tuple[str, pa.DataType]]] = [
    ("occurred_at", pa.string()),
    ("precision", pa.string()),
    ("latitude", pa.float64()),
    ("longitude", pa.float64()),
    ("cell", pa.string()),
    ("category", pa.string()),
    ("label", pa.string()),
    ("value", pa.float64()),
    ("external_id", pa.string()),
    ("properties", pa.string()),
]


@dataclass(frozen=True, slots=True)
class EventLayout:
    """The columns of exported events.

    with_begins: beside the text of each time, which is at its precision, the instant in `zone` at which it
    begins. with_points: a column of points as well-known binary. with_dataset: a first column names the
    dataset.
    """

    zone: str
    with_begins: bool = False
    with_points: bool = False
    with_dataset: bool = False

    @property
    def schema(self) -> pa.Schema:
        """Return the columns in order."""
        first: list[tuple[str, pa.DataType]] = [("dataset", pa.string())] if self.with_dataset else []
        last: list[tuple[str, pa.DataType]] = []
        if self.with_begins:
            last.append((BEGINS, pa.timestamp("us", tz=self.zone)))
        if self.with_points:
            last.append((GEOMETRY, pa.binary()))
        return pa.schema([*first, (NUMBER, pa.string()), *_FIELDS, *last])

    def rows(self, scope: Scope, batch: EventBatch) -> pa.RecordBatch:
        """Return a batch of a scope's events as rows."""
        latitude, longitude = batch.lat_e7 / E7, batch.lon_e7 / E7
        size = len(batch)
        columns: dict[str, Any] = {
            "dataset": pa.array([scope.dataset.name] * size) if self.with_dataset else None,
            NUMBER: _ids(batch),
            "occurred_at": time_texts(batch, ZoneInfo(scope.dataset.zone)),
            "precision": _named(batch.precision, PRECISIONS),
            "latitude": pa.array(latitude),
            "longitude": pa.array(longitude),
            "cell": h3_array(batch.cell),
            "category": _named(batch.category_no, _texts(scope.vocabulary.categories)),
            "label": _named(batch.label_no, _texts(scope.vocabulary.labels)),
            "value": pa.array(batch.value, mask=np.isnan(batch.value)),
            **_rest(batch),
            BEGINS: pa.array(batch.occurred_us, pa.timestamp("us", tz=self.zone)),
            GEOMETRY: point_wkb(longitude, latitude) if self.with_points else None,
        }
        schema = self.schema
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def time_texts(batch: EventBatch, zone: ZoneInfo) -> "pa.Array[Any]":
    """Return each time at its precision: an instant in UTC, a day, month or year of the zone's calendar."""
    texts: list[Any] = []
    places: list[Int64s] = []
    for precision in np.unique(batch.precision).tolist():
        place = np.flatnonzero(batch.precision == precision)
        format_ = PERIOD_FORMATS[precision]
        times = batch.occurred_us[place]
        texts.append(_instant_texts(times) if format_ is None else _period_texts(times, zone, format_))
        places.append(place)
    order = np.argsort(np.concatenate(places))
    whole: pa.Array[Any] = pa.concat_arrays(texts)
    return whole.take(order)


def _instant_texts(times_us: Int64s) -> Any:
    """Return instants as RFC 3339; a fraction of a second only where there is one."""
    is_whole = times_us % SECOND_US == 0
    texts = _second_texts(times_us // SECOND_US)
    if is_whole.all():
        return texts
    # %S writes the digits of the unit.
    exact = _compute.strftime(pa.array(times_us, pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    return _compute.if_else(pa.array(is_whole), texts, exact)


def _second_texts(times_s: Int64s) -> Any:
    """Return `2024-01-31T23:59:59Z`, laid out digit by digit: a tenth of the time that strftime takes."""
    days, seconds = np.divmod(times_s, DAY_S)
    different, position = np.unique(days, return_inverse=True)
    dates = np.datetime_as_string(different.astype("M8[D]")).astype("S10")
    text = np.empty(times_s.size, INSTANT_LAYOUT)
    text["date"] = dates[position]
    text["t"], text["colon"], text["colon2"], text["z"] = b"T", b":", b":", b"Z"
    text["hour"] = TWO_DIGITS[seconds // 3_600]
    text["minute"] = TWO_DIGITS[seconds // 60 % 60]
    text["second"] = TWO_DIGITS[seconds % 60]
    return fixed_width(pa.string(), text.tobytes(), INSTANT_LAYOUT.itemsize)


def _period_texts(starts_us: Int64s, zone: ZoneInfo, format_: str) -> Any:
    """Return periods by their starts; few are different, so each is written once."""
    starts, position = np.unique(starts_us, return_inverse=True)
    instants = (EPOCH + timedelta(microseconds=start) for start in starts.tolist())
    texts = [instant.astimezone(zone).strftime(format_) for instant in instants]
    return pa.array(texts, pa.string()).take(position)


def _ids(batch: EventBatch) -> Any:
    numbers = _compute.cast(pa.array(batch.event_no), pa.string())
    return _compute.binary_join_element_wise(f"{batch.segment.no}", numbers, "-")


def _texts(by_number: dict[int, str]) -> list[str | None]:
    return [by_number.get(number) for number in range(max(by_number, default=-1) + 1)]


def _named(numbers: Int64s, texts: Sequence[str | None]) -> "pa.Array[Any]":
    """Return the text of each number, null for -1."""
    indexes: Any = pa.array(numbers, mask=numbers < 0)
    return pa.array(texts, pa.string()).take(indexes)


def _rest(batch: EventBatch) -> dict[str, Any]:
    """Return ids and properties; nulls where the file storage is away."""
    if batch.rest is None:
        return {name: pa.nulls(len(batch), pa.string()) for name in REST_COLUMNS}
    return {name: batch.rest.column(name).combine_chunks() for name in REST_COLUMNS}
