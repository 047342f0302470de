"""Points in JSON, one or many: what is taken, and where each fault is said to stand."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from apps.common.errors import Invalid, Malformed, TooLarge
from apps.metrics.doors.native.parsing import NativeBatch, parse_batch, parse_counter, parse_value
from apps.metrics.doors.native.pointers import Form, pointer_of
from apps.metrics.errors import BatchSize
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import SECOND_US, Parsed
from apps.metrics.points.refusals import rejected_by_code
from apps.metrics.points.timestamps import TimeWindow

NOW_S = 1_700_000_000
WINDOW = TimeWindow(NOW_S * SECOND_US)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def rows(*points: Any) -> NativeBatch:
    return parse_batch(encoded({"points": points}), WINDOW)


def faults(batch: NativeBatch) -> list[tuple[str, str]]:
    return [(batch.pointer_of(one), one.code) for one in batch.parsed.refusals]


def points_of(parsed: Parsed) -> list[tuple[str, MetricType | None, int, float]]:
    batch = parsed.batch
    return [
        (batch.keys[key], batch.types[key], time, value)
        for key, time, value in zip(batch.key_index, batch.times.tolist(), batch.values.tolist(), strict=True)
    ]


def test_rows_become_columns() -> None:
    batch = rows(
        {"metric": "cpu", "type": "value", "value": 1.5, "timestamp": NOW_S, "tags": {"host": "a"}},
        {"metric": "hits", "type": "counter", "value": 3, "timestamp": NOW_S - 1},
        {"metric": "cpu;host=a", "value": -0.0},
    )
    assert points_of(batch.parsed) == [
        ("cpu;host=a", MetricType.VALUE, NOW_S * SECOND_US, 1.5),
        ("hits", MetricType.COUNTER, (NOW_S - 1) * SECOND_US, 3.0),
        ("cpu;host=a", MetricType.VALUE, NOW_S * SECOND_US, 0.0),
    ]
    assert not np.signbit(batch.parsed.batch.values).any()
    assert (batch.form, batch.parsed.item_count, batch.parsed.refusals) == (Form.ROWS, 3, [])


def test_a_point_without_type_has_none() -> None:
    assert rows({"metric": "a", "value": 1}).parsed.batch.types == [None]
    assert (
        rows({"metric": "a", "value": 1, "type": None, "timestamp": None, "tags": None}).parsed.refusals == []
    )


def test_a_counters_missing_amount_is_1_and_a_readings_is_missing() -> None:
    batch = rows({"metric": "a", "type": "counter"}, {"metric": "b", "type": "value"}, {"metric": "c"})
    assert points_of(batch.parsed) == [("a", MetricType.COUNTER, NOW_S * SECOND_US, 1.0)]
    assert faults(batch) == [("/points/1/value", "required"), ("/points/2/value", "required")]


@pytest.mark.parametrize(
    ("point", "pointer", "code"),
    [
        ({"value": True}, "/value", "metrics.invalid_value"),
        ({"value": "1"}, "/value", "metrics.invalid_value"),
        ({"value": "nan"}, "/value", "metrics.invalid_value"),
        ({"value": None}, "/value", "metrics.invalid_value"),
        ({"value": 1.1e290}, "/value", "metrics.invalid_value"),
        ({"value": 10**400}, "/value", "metrics.invalid_value"),
        ({"value": 0, "type": "counter"}, "/value", "metrics.invalid_value"),
        ({"value": 1.5, "type": "counter"}, "/value", "metrics.invalid_value"),
        ({"value": 2**53, "type": "counter"}, "/value", "metrics.invalid_value"),
        ({"timestamp": 0}, "/timestamp", "metrics.timestamp_out_of_range"),
        ({"timestamp": -1}, "/timestamp", "metrics.timestamp_out_of_range"),
        ({"timestamp": NOW_S * 1_000}, "/timestamp", "metrics.timestamp_out_of_range"),
        ({"timestamp": 10**400}, "/timestamp", "metrics.timestamp_out_of_range"),
        ({"timestamp": True}, "/timestamp", "invalid"),
        ({"timestamp": "1700000000"}, "/timestamp", "invalid"),
        ({"timestamp": "2023-11-14T22:13:20"}, "/timestamp", "invalid"),
        ({"timestamp": "2023-11-14T22:13:60Z"}, "/timestamp", "invalid"),
        ({"timestamp": []}, "/timestamp", "invalid"),
        ({"metric": 5}, "/metric", "metrics.invalid_name"),
        ({"metric": " a"}, "/metric", "metrics.invalid_name"),
        ({"metric": "x" * 256}, "/metric", "metrics.invalid_name"),
        ({"metric": "a;b"}, "/tags", "metrics.invalid_tags"),
        ({"tags": {"a b": "1"}}, "/tags", "metrics.invalid_tags"),
        ({"tags": {"a": 1}}, "/tags", "metrics.invalid_tags"),
        ({"tags": ["a"]}, "/tags", "metrics.invalid_tags"),
        ({"type": "gauge"}, "/type", "invalid_choice"),
        ({"type": 1}, "/type", "invalid_choice"),
        ({"colour/shade~": 1}, "/colour~1shade~0", "unknown_field"),
    ],
)
def test_a_faulty_point_is_refused_at_its_field_and_the_others_are_kept(
    point: dict[str, Any], pointer: str, code: str
) -> None:
    good = {"metric": "m", "value": 1}
    batch = rows(good, good | point, good)
    assert faults(batch) == [(f"/points/1{pointer}", code)]
    assert batch.parsed.item_count == 3
    assert batch.parsed.batch.item_numbers.tolist() == [0, 2]
    assert batch.parsed.batch.keys == ["m"]


def test_numbers_that_overflow_are_faults_of_their_points() -> None:
    batch = parse_batch(
        b'{"points":[{"metric":"a","value":1e400},{"metric":"a","value":1,"timestamp":1e400},'
        b'{"metric":"a","value":-1e999999999999999999999},{"metric":"a","value":1,"timestamp":-1e99999999999999999999}]}',
        WINDOW,
    )
    assert faults(batch) == [
        ("/points/0/value", "metrics.invalid_value"),
        ("/points/1/timestamp", "metrics.timestamp_out_of_range"),
        ("/points/2/value", "metrics.invalid_value"),
        ("/points/3/timestamp", "metrics.timestamp_out_of_range"),
    ]


def test_each_fault_of_a_point_is_named() -> None:
    batch = rows({"value": True, "timestamp": False, "extra": 1}, 5)
    assert sorted(faults(batch)) == [
        ("/points/0/extra", "unknown_field"),
        ("/points/0/metric", "required"),
        ("/points/0/timestamp", "invalid"),
        ("/points/0/value", "metrics.invalid_value"),
        ("/points/1", "invalid"),
    ]
    assert len(batch.parsed.batch) == 0


def test_two_types_of_one_metric_refuse_the_later_points() -> None:
    batch = rows(
        {"metric": "a", "type": "value", "value": 1},
        {"metric": "a", "value": 2},
        {"metric": "a", "type": "counter", "value": 3},
        {"metric": "a", "type": "value", "value": 4},
        {"metric": "a;t=", "type": "counter", "value": 5},
    )
    assert faults(batch) == [
        ("/points/2/type", "metrics.type_conflict"),
        ("/points/4/type", "metrics.type_conflict"),
    ]
    assert batch.parsed.batch.values.tolist() == [1, 2, 4]


def test_an_untyped_amount_of_what_the_batch_calls_a_counter_is_judged_as_one() -> None:
    batch = rows({"metric": "a", "value": 0.5}, {"metric": "a", "type": "counter"}, {"metric": "a"})
    assert faults(batch) == [("/points/0/value", "metrics.invalid_value")]
    assert batch.parsed.batch.values.tolist() == [1, 1]


def test_a_repeated_key_takes_its_last_value() -> None:
    batch = parse_batch(
        b'{"points":5,"points":[{"metric":1,"metric":"a","value":"x","value":1,"tags":{"t":1,"t":"2"}}]}',
        WINDOW,
    )
    assert points_of(batch.parsed) == [("a;t=2", None, NOW_S * SECOND_US, 1.0)]


def test_times_are_exact_to_the_microsecond_whatever_else_is_in_the_body() -> None:
    texts = ["1700000000.123456", "1700000000.1234565", "1700000000.1234575", "1700000000.12345650001"]
    for extra in ("", ',{"metric":5}'):
        points = ",".join(f'{{"timestamp":{text},"metric":"a","value":1}}' for text in texts)
        batch = parse_batch(f'{{"points":[{points}{extra}]}}'.encode(), WINDOW)
        assert [time % SECOND_US for time in batch.parsed.batch.times.tolist()] == [
            123456,
            123456,
            123458,
            123457,
        ]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"5", b'"points"', b"null", b'{"points":[{"metric":"a","value":NaN}]}',
    b'{"points":[{"metric":"a","value":-Infinity}]}', b'{"points":[{"metric":"a\\u0000","value":1}]}',
    b'{"points":[{"metric":"a","value":1,"tags":{"t":"\\u0000"}}]}',
    b'{"points":[{"metric":"\\ud800","value":1}]}',
    b'{"points":[{"metric":"\\udc00","value":1}]}', b'{"points":[{"metric":"\xff","value":1}]}',
    b'{"points":[{"metric":"a","value":1,"tags":{"t":"\xff"}}]}',
    b'{"points":[{"metric":"a","value":1,"tags":{"t":"\\ud800"}}]}',
    b'{"points":[{"metric":"a","value":1}]}x', b'\xef\xbb\xbf{"points":[]}',
    b'{"points":[' + b"[" * 40 + b"]" * 40 + b"]}",
    b"[" * 100_000, b'{"points":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"points":[{"metric":"a","value":1,"tags":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}]}",
    b'{"x":' + b"[" * 40 + b"]" * 40 + b"}", b'{"points":[{"metric":"a\x00","value":1}]}',
])  # fmt: skip
def test_what_is_no_clean_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_batch(body, WINDOW)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    body = b'{"points":[{"metric":"a\\\\u0000","value":1}]}'
    assert parse_batch(body, WINDOW).parsed.batch.keys == ["a\\u0000"]


@pytest.mark.parametrize(("count", "is_accepted"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_a_batch_has_1_to_10000_points(count: int, is_accepted: bool) -> None:
    for extra in ({}, {"value": "x"}):
        body = encoded({"points": [{"metric": "a", "value": 1} | extra] * count})
        if is_accepted:
            assert parse_batch(body, WINDOW).parsed.item_count == count
        else:
            with pytest.raises(BatchSize):
                parse_batch(body, WINDOW)


@pytest.mark.parametrize("points", [{}, {"0": {}}, None, "x", 5, True])
def test_points_that_are_no_list_are_refused_by_their_number(points: Any) -> None:
    with pytest.raises(BatchSize):
        parse_batch(encoded({"points": points}), WINDOW)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/points", "required"),
        ({"points": [], "columns": {}}, "/columns", "invalid"),
        ({"points": [{"metric": "a", "value": 1}], "x/y": 1}, "/x~1y", "unknown_field"),
    ],
)
def test_a_batch_has_one_form_and_nothing_else(body: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_batch(encoded(body), WINDOW)
    assert [(item.pointer, item.code) for item in caught.value.errors] == [(pointer, code)]


def test_a_body_of_millions_of_parts_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooLarge):
        parse_batch(b'{"points":[' + b"0," * 1_000_000 + b"0]}", WINDOW)


@pytest.mark.parametrize("name", ["a" + "," * 200, 'a\\",' + "," * 200, 'a\\\\"' + "," * 200])
def test_commas_inside_texts_are_no_parts(name: str) -> None:
    assert rows(*[{"metric": name, "value": 1}] * 4_000).parsed.item_count == 4_000


def test_all_refused_items_are_listed_by_code() -> None:
    good, bad, late = (
        {"metric": "a", "value": 1},
        {"metric": "b", "value": "x"},
        {"metric": "a", "value": 1, "timestamp": 0},
    )
    batch = rows(good, bad, bad, good, bad, late)
    assert rejected_by_code(batch.parsed.refusals) == {
        "metrics.invalid_value": "1-2,4",
        "metrics.timestamp_out_of_range": "5",
    }


@pytest.mark.parametrize(
    ("parse", "kind"), [(parse_counter, MetricType.COUNTER), (parse_value, MetricType.VALUE)]
)
def test_a_single_point_has_the_type_of_its_call(
    parse: Callable[[bytes, TimeWindow], Parsed], kind: MetricType
) -> None:
    parsed = parse(encoded({"metric": "a", "value": 2, "timestamp": NOW_S + 1, "tags": {"t": "v"}}), WINDOW)
    assert points_of(parsed) == [("a;t=v", kind, (NOW_S + 1) * SECOND_US, 2.0)]
    assert parsed.item_count == 1


def test_a_counter_counts_1_without_a_value() -> None:
    assert parse_counter(encoded({"metric": "a"}), WINDOW).batch.values.tolist() == [1]
    [refusal] = parse_value(encoded({"metric": "a"}), WINDOW).refusals
    assert (pointer_of(refusal, Form.SINGLE), refusal.code) == ("/value", "required")


@pytest.mark.parametrize(
    ("point", "pointer", "code"),
    [
        ({"type": "value"}, "/type", "unknown_field"),
        ({"value": True}, "/value", "metrics.invalid_value"),
        ({"timestamp": NOW_S * 1_000}, "/timestamp", "metrics.timestamp_out_of_range"),
        ({"tags": {"a": None}}, "/tags", "metrics.invalid_tags"),
        ({"metric": ""}, "/metric", "metrics.invalid_name"),
    ],
)
def test_a_single_points_faults_stand_at_its_fields(point: dict[str, Any], pointer: str, code: str) -> None:
    [refusal] = parse_value(encoded({"metric": "a", "value": 1} | point), WINDOW).refusals
    assert (pointer_of(refusal, Form.SINGLE), refusal.code) == (pointer, code)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b'{"metric":"a","value":NaN}', b'{"metric":"\\u0000"}', b"\xff"]
)
def test_a_single_point_is_a_clean_json_object(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_value(body, WINDOW)


def test_a_single_points_time_is_exact() -> None:
    for text, microseconds in (("1700000000.1234565", 123456), ("1700000000.12345650001", 123457)):
        parsed = parse_value(f'{{"metric":"a","value":1,"timestamp":{text}}}'.encode(), WINDOW)
        assert parsed.batch.times.tolist() == [NOW_S * SECOND_US + microseconds]
