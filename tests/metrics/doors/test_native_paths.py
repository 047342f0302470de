"""Rows read by the typed decoder and rows looked at one by one are the same, and no input breaks either."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError
from apps.metrics.doors.native.parsing import NativeBatch, parse_batch, parse_counter, parse_value
from apps.metrics.points.batch import SECOND_US
from apps.metrics.points.timestamps import TimeWindow

NOW_S = 1_700_000_000
WINDOW = TimeWindow(NOW_S * SECOND_US)

seconds = st.one_of(
    st.integers(NOW_S - 604_900, NOW_S + 604_900),
    st.floats(NOW_S - 604_900, NOW_S + 604_900),
    st.sampled_from(
        [NOW_S * 1_000, "2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.1234567+01:00", None, "x"]
    ),
)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**80), 2**80), st.integers(1, 5)
)
metrics = st.sampled_from(["a", "b", "b;t=1", "b;t=", " a", "c;d", "e\u0301", "\u00e9", "\U0001f600"])
rows = st.fixed_dictionaries(
    {"metric": metrics, "value": numbers},
    optional={
        "type": st.sampled_from(["counter", "value", None]),
        "timestamp": seconds,
        "tags": st.one_of(
            st.none(), st.dictionaries(st.sampled_from(["t", "u", "a b"]), st.text("ab%;", max_size=3))
        ),
    },
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
odd_rows = st.dictionaries(
    st.sampled_from(["metric", "type", "value", "timestamp", "tags", "x"]), st.one_of(anything, numbers)
)
columns = st.fixed_dictionaries(
    {},
    optional={name: st.one_of(anything, st.lists(st.one_of(numbers, metrics, anything), max_size=3))
              for name in ("metric", "type", "value", "timestamp", "x")},
)  # fmt: skip


def points_of(batch: NativeBatch) -> list[tuple[Any, ...]]:
    found = batch.parsed.batch
    columns = (
        found.item_numbers.tolist(),
        found.key_index.tolist(),
        found.times.tolist(),
        found.values.tolist(),
    )
    return [
        (item, found.keys[key], found.types[key], time, value)
        for item, key, time, value in zip(*columns, strict=True)
    ]


@given(st.lists(rows, min_size=1, max_size=8))
def test_a_faulty_row_changes_nothing_for_the_others(points: list[dict[str, Any]]) -> None:
    fast = parse_batch(json.dumps({"points": points}).encode(), WINDOW)
    slow = parse_batch(json.dumps({"points": [*points, {"value": "x"}]}).encode(), WINDOW)
    assert points_of(fast) == points_of(slow)
    assert list(fast.parsed.refusals) == [one for one in slow.parsed.refusals if one.item < len(points)]


@given(st.lists(rows, min_size=1, max_size=8))
def test_rows_and_columns_of_the_same_points_are_the_same(points: list[dict[str, Any]]) -> None:
    points = [{"type": None, "timestamp": None} | point | {"tags": None} for point in points]
    columns = {name: [point[name] for point in points] for name in ("metric", "type", "value", "timestamp")}
    by_row = parse_batch(json.dumps({"points": points}).encode(), WINDOW)
    by_column = parse_batch(json.dumps({"columns": columns}).encode(), WINDOW)
    assert points_of(by_row) == points_of(by_column)
    places = [[(one.item, one.code) for one in batch.parsed.refusals] for batch in (by_row, by_column)]
    assert places[0] == places[1]


@given(st.one_of(st.lists(st.one_of(rows, odd_rows, anything), max_size=4), anything))
def test_any_json_points_are_stored_or_refused(points: Any) -> None:
    try:
        batch = parse_batch(json.dumps({"points": points}).encode(), WINDOW)
    except DomainError:
        return
    stored = set(batch.parsed.batch.item_numbers.tolist())
    refused = {one.item for one in batch.parsed.refusals}
    assert stored | refused == set(range(len(points)))
    assert not stored & refused
    for one in batch.parsed.refusals:
        assert batch.pointer_of(one).startswith(f"/points/{one.item}")
    for key in batch.parsed.batch.keys:
        key.encode()


@given(columns)
def test_any_json_columns_are_stored_or_refused(found: Any) -> None:
    try:
        batch = parse_batch(json.dumps({"columns": found}).encode(), WINDOW)
    except DomainError:
        return
    assert all(batch.pointer_of(one).startswith("/columns/") for one in batch.parsed.refusals)
    assert len(batch.parsed.batch) <= batch.parsed.item_count


@given(st.one_of(st.binary(max_size=60), anything.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for parse in (parse_batch, parse_counter, parse_value):
        try:
            parse(body, WINDOW)
        except DomainError:
            continue


@given(odd_rows)
def test_any_single_point_is_stored_or_refused(point: dict[str, Any]) -> None:
    body = json.dumps(point).encode()
    for parse in (parse_counter, parse_value):
        try:
            parsed = parse(body, WINDOW)
        except DomainError:
            continue
        assert (len(parsed.batch) == 1) == (not parsed.refusals)
