"""Points as JSON columns."""

import json
from typing import Any

import pytest

from apps.common.errors import Invalid, Malformed
from apps.metrics.doors.native.parsing import NativeBatch, parse_batch
from apps.metrics.doors.native.pointers import Form
from apps.metrics.errors import BatchSize
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import SECOND_US
from apps.metrics.points.timestamps import TimeWindow

NOW_S = 1_700_000_000
WINDOW = TimeWindow(NOW_S * SECOND_US)


def columns(**found: Any) -> NativeBatch:
    return parse_batch(json.dumps({"columns": found}).encode(), WINDOW)


def faults(batch: NativeBatch) -> list[tuple[str, str]]:
    return [(batch.pointer_of(one), one.code) for one in batch.parsed.refusals]


def test_lists_and_values_for_all_make_points() -> None:
    batch = columns(metric=["a", "b;t=1", "a"], type="value", value=[1, 2.5, 3], timestamp=NOW_S)
    found = batch.parsed.batch
    assert (list(found.keys), list(found.types)) == (["a", "b;t=1"], [MetricType.VALUE] * 2)
    assert found.key_index.tolist() == [0, 1, 0]
    assert found.values.tolist() == [1, 2.5, 3]
    assert set(found.times.tolist()) == {NOW_S * SECOND_US}
    assert batch.form is Form.COLUMNS


def test_types_and_times_may_be_lists_with_gaps() -> None:
    batch = columns(metric=["a", "b"], type=["counter", None], value=2, timestamp=[None, NOW_S - 1])
    assert list(batch.parsed.batch.types) == [MetricType.COUNTER, None]
    assert batch.parsed.batch.times.tolist() == [NOW_S * SECOND_US, (NOW_S - 1) * SECOND_US]


def test_columns_of_counters_need_no_values() -> None:
    assert columns(metric=["a", "b"], type="counter").parsed.batch.values.tolist() == [1, 1]
    assert faults(columns(metric=["a", "b"])) == [("/columns/value", "required")] * 2


def test_values_for_all_alone_are_one_point() -> None:
    assert columns(metric="a", value=1).parsed.item_count == 1


@pytest.mark.parametrize(
    ("column", "items", "code"),
    [
        ("metric", ["a", 5, "a"], "metrics.invalid_name"),
        ("metric", ["a", " a", "a"], "metrics.invalid_name"),
        ("metric", ["a", "a;b", "a"], "metrics.invalid_tags"),
        ("type", ["value", "gauge", "value"], "invalid_choice"),
        ("type", ["value", "counter", "value"], "metrics.type_conflict"),
        ("value", [1, None, 1], "metrics.invalid_value"),
        ("value", [1, True, 1], "metrics.invalid_value"),
        ("value", [1, 1e300, 1], "metrics.invalid_value"),
        ("timestamp", [NOW_S, True, NOW_S], "invalid"),
        ("timestamp", [NOW_S, "x", NOW_S], "invalid"),
        ("timestamp", [NOW_S, 0, NOW_S], "metrics.timestamp_out_of_range"),
    ],
)
def test_a_faulty_item_is_refused_in_its_column(column: str, items: list[Any], code: str) -> None:
    batch = columns(**({"metric": "a", "value": 1, "timestamp": None} | {column: items}))
    assert faults(batch) == [(f"/columns/{column}/1", code)]
    assert batch.parsed.batch.item_numbers.tolist() == [0, 2]


def test_a_fault_of_a_value_for_all_refuses_all() -> None:
    batch = columns(metric=["a", "b"], value=True)
    assert faults(batch) == [("/columns/value", "metrics.invalid_value")] * 2
    assert len(batch.parsed.batch) == 0


@pytest.mark.parametrize(
    ("found", "pointer", "code"),
    [
        ({"value": [1]}, "/columns/metric", "required"),
        ({"metric": ["a"], "value": [1], "tags": [{}]}, "/columns/tags", "unknown_field"),
        ({"metric": ["a", "b"], "value": [1]}, "/columns/value", "invalid"),
        ({"metric": ["a", "b"], "value": [None]}, "/columns/value", "invalid"),
    ],
)
def test_columns_that_do_not_fit_are_refused_as_a_whole(found: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        columns(**found)
    assert [(item.pointer, item.code) for item in caught.value.errors] == [(pointer, code)]


@pytest.mark.parametrize("found", [[], None, 5, "x"])
def test_columns_are_an_object(found: Any) -> None:
    with pytest.raises(Invalid):
        parse_batch(json.dumps({"columns": found}).encode(), WINDOW)


@pytest.mark.parametrize("count", [0, 10_001])
def test_columns_hold_1_to_10000_points(count: int) -> None:
    with pytest.raises(BatchSize):
        columns(metric=["a"] * count, value=1)


@pytest.mark.parametrize(
    "column", [b'["\\u0000"]', b'["\\ud800"]', b'["\xff"]', b"[NaN]", b"[" * 50 + b"]" * 50]
)
def test_columns_are_clean_json(column: bytes) -> None:
    with pytest.raises(Malformed):
        parse_batch(b'{"columns":{"metric":' + column + b',"value":1}}', WINDOW)


def test_times_in_columns_are_exact() -> None:
    for value in ("1", "[1,2,3]", '[1,"x",3]'):
        times_sent = "[1700000000.1234565,null,1700000000.12345650001]"
        body = f'{{"columns":{{"metric":"a","value":{value},"timestamp":{times_sent}}}}}'
        times = parse_batch(body.encode(), WINDOW).parsed.batch.times.tolist()
        assert [times[0] % SECOND_US, times[-1] % SECOND_US] == [123456, 123457]
    body = '{"columns":{"metric":["a","b"],"value":1,"timestamp":1700000000.12345650001}}'
    assert {time % SECOND_US for time in parse_batch(body.encode(), WINDOW).parsed.batch.times.tolist()} == {
        123457
    }
