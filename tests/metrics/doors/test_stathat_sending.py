"""StatHat's sending calls: what clients write, and what they are answered."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError, Malformed, Throttled, Unauthenticated
from apps.metrics.doors.stathat.answers import Answer, refused, sent
from apps.metrics.doors.stathat.parameters import Parameters, credential_of, read_parameters
from apps.metrics.doors.stathat.parsing import Call, StatHatCall, parse_send
from apps.metrics.errors import BatchSize, InvalidPoints, TypeConflict
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import SECOND_US, Refusal
from apps.metrics.points.timestamps import TimeWindow

NOW_S = 1_700_000_000
WINDOW = TimeWindow(NOW_S * SECOND_US)


def send(call: Call = Call.EZ, query: str = "", body: bytes = b"", content_type: str = "") -> StatHatCall:
    return parse_send(call, read_parameters(query, body, content_type), WINDOW, max_points=10_000)


def form(**fields: Any) -> StatHatCall:
    return send(body=urlencode(fields).encode())


def listed(*items: Any) -> StatHatCall:
    return send(body=json.dumps({"ezkey": "k", "data": items}).encode())


def points_of(call: StatHatCall) -> list[tuple[str, MetricType | None, float, int]]:
    batch = call.parsed.batch
    columns = zip(batch.key_index, batch.values.tolist(), batch.times.tolist(), strict=True)
    return [
        (batch.keys[key], batch.types[key], value, time - NOW_S * SECOND_US) for key, value, time in columns
    ]


def answered(answer: Answer) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(("query", "body"), [
    ("ezkey=k&stat=page+views&count=2&t=1700000001", b""),
    ("", b"ezkey=k&stat=page%20views&count=2&t=1700000001"),
    ("ezkey=k&stat=page views", b"count=2&t=1700000001"),
    ("count=9", b"ezkey=k&stat=page+views&count=2&t=1700000001\r\n"),
])  # fmt: skip
def test_parameters_come_from_query_and_body_alike(query: str, body: bytes) -> None:
    assert points_of(send(query=query, body=body)) == [("page views", MetricType.COUNTER, 2.0, SECOND_US)]


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("-1.5", -1.5), ("1e3", 1000), (" 7 ", 7), (".5", 0.5), ("-0", 0)]
)
def test_numbers_may_be_floats_with_exponents(text: str, value: float) -> None:
    assert points_of(form(stat="a", value=text)) == [("a", MetricType.VALUE, value, 0)]
    assert points_of(form(stat="a", count=text)) == [("a", MetricType.COUNTER, value, 0)]


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "1e291", "1_0", "x", "0x1", "\u0661", "1 2"])
@pytest.mark.parametrize("name", ["value", "count"])
def test_other_numbers_are_refused(name: str, text: str) -> None:
    [refusal] = form(stat="a", **{name: text}).parsed.refusals
    assert (refusal.field, refusal.code) == ("value", "metrics.invalid_value")
    assert points_of(form(stat="a", **{name: text})) == []


@pytest.mark.parametrize(
    "query", ["ezkey=k&stat=a&count=", "ezkey=k&stat=a&count", "stat=a&value=", "stat=a&count=1&t="]
)
def test_an_empty_number_is_said_to_be_cut_off_by_a_client_that_counts_characters(query: str) -> None:
    call = send(body=query.encode())
    status, body = answered(sent(0, call.parsed.refusals, is_list=call.is_list))
    assert (status, body["status"]) == (400, 400)
    assert "counts characters" in body["msg"]


@pytest.mark.parametrize(
    "fields",
    [{}, {"stat": ""}, {"stat": " ", "count": 1}, {"count": 1}, {"stat": "a"},
     {"stat": "a", "count": 1, "value": 2}, {"stat": "x" * 256, "count": 1}],
)  # fmt: skip
def test_a_stat_has_a_name_and_one_number(fields: dict[str, Any]) -> None:
    call = form(**fields)
    assert len(call.parsed.refusals) == 1
    assert len(call.parsed.batch) == 0


@pytest.mark.parametrize(
    ("stat", "keys"),
    [
        ("a~b,c", ["a b", "a c"]),
        ("load avg ~ total , eu~1 ", ["load avg total", "load avg eu~1"]),
        ("a~", ["a"]),
        ("a~,", ["a"]),
        ("a,b", ["a,b"]),
        ("a~b,b", ["a b"]),
        (" a;b ", ["a_b"]),
        ("a~" + ",".join(map(str, range(50))), [f"a {number}" for number in range(50)]),
    ],
)
def test_a_tilde_writes_several_metrics(stat: str, keys: list[str]) -> None:
    assert [key for key, *_rest in points_of(form(stat=stat, count=1))] == keys


def test_a_stat_stands_for_at_most_50_names() -> None:
    [refusal] = form(stat="a~" + ",".join(map(str, range(51))), count=1).parsed.refusals
    assert (refusal.field, refusal.code) == ("metric", "metrics.batch_size")
    [refusal] = form(stat="a~" + "b," * 10_000, count=1).parsed.refusals
    assert (refusal.field, refusal.code) == ("metric", "metrics.invalid_name")


def test_a_time_may_be_a_decimal_and_is_exact() -> None:
    assert points_of(form(stat="a", count=1, t="1700000000.123456"))[0][3] == 123_456
    assert points_of(listed({"stat": "a", "t": 1700000000.123456}))[0][3] == 123_456


@pytest.mark.parametrize(
    "t", ["0", "-1", "1700000000000", "1e400", "1e99999999999999999999", "-1e-9999999999999999999"]
)
def test_a_time_far_off_is_refused(t: str) -> None:
    [refusal] = form(stat="a", count=1, t=t).parsed.refusals
    assert (refusal.field, refusal.code) == ("timestamp", "metrics.timestamp_out_of_range")


@pytest.mark.parametrize("t", ["x", "2023-11-14T22:13:20Z", "1" * 41])
def test_a_time_is_a_number(t: str) -> None:
    [refusal] = form(stat="a", count=1, t=t).parsed.refusals
    assert (refusal.field, refusal.code) == ("timestamp", "invalid")


def test_json_items_are_stored_and_those_with_neither_number_count_1() -> None:
    call = listed({"stat": "a", "count": 2}, {"stat": "b", "value": -0.5, "t": NOW_S + 1}, {"stat": "c~d,e"})
    assert points_of(call) == [
        ("a", MetricType.COUNTER, 2, 0),
        ("b", MetricType.VALUE, -0.5, SECOND_US),
        ("c d", MetricType.COUNTER, 1, 0),
        ("c e", MetricType.COUNTER, 1, 0),
    ]
    assert call.parsed.batch.item_numbers.tolist() == [0, 1, 2, 2]
    assert answered(sent(4, call.parsed.refusals, is_list=True)) == (200, {"status": 200, "msg": "ok"})


def test_good_json_items_are_kept_and_the_others_listed() -> None:
    call = listed(
        {"stat": "a"}, {"count": 1}, 5, {"stat": "b", "value": True}, {"stat": "a", "value": 1}, {"stat": "c"}
    )
    assert [key for key, *_rest in points_of(call)] == ["a", "c"]
    assert [(refusal.item, refusal.code) for refusal in call.parsed.refusals] == [
        (1, "metrics.invalid_name"),
        (2, "invalid"),
        (3, "metrics.invalid_value"),
        (4, "metrics.type_conflict"),
    ]
    status, body = answered(sent(2, call.parsed.refusals, is_list=True))
    assert (status, body["msg"]) == (200, "ok")
    assert [error["index"] for error in body["errors"]] == [1, 2, 3, 4]
    assert answered(sent(0, call.parsed.refusals, is_list=True))[0] == 400


def test_a_json_label_or_a_brace_makes_a_json_body() -> None:
    body = b' {"ezkey":"k","data":[{"stat":"a"}]}'
    assert points_of(send(body=body)) == points_of(
        send(body=body, content_type="application/json; charset=utf-8")
    )
    with pytest.raises(Malformed):
        send(body=b"stat=a&count=1", content_type="application/json")


@pytest.mark.parametrize(
    "body",
    [b"{", b"{}", b'{"data":[]}', b'{"data":{}}', b'{"data":[NaN]}', b'{"data":["\\u0000"]}', b"\xff=1",
     b"stat=%ff&count=1", b"a=1&" * 300],
)  # fmt: skip
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        send(body=body)


def test_a_list_has_a_bound() -> None:
    with pytest.raises(BatchSize):
        listed(*[{"stat": "a"}] * 10_001)
    with pytest.raises(BatchSize):
        listed(*[{"stat": "a~" + ",".join(map(str, range(50)))}] * 201)


@pytest.mark.parametrize(
    ("call", "fields", "point"),
    [
        (Call.COUNTER, "count=2", (MetricType.COUNTER, 2.0)),
        (Call.COUNTER, "value=2", (MetricType.COUNTER, 2.0)),
        (Call.COUNTER, "value=3&count=2", (MetricType.COUNTER, 2.0)),
        (Call.VALUE, "value=2.5", (MetricType.VALUE, 2.5)),
        (Call.VALUE, "value=3&count=2", (MetricType.VALUE, 3.0)),
    ],
)
def test_classic_calls_name_a_metric_by_its_id(
    call: Call, fields: str, point: tuple[MetricType, float]
) -> None:
    found = send(call, query=f"ukey=u&key=abc&{fields}")
    assert found.metric_id == "abc"
    assert points_of(found) == [("abc", *point, 0)]


def test_classic_calls_need_an_id_and_a_number() -> None:
    with pytest.raises(Malformed):
        send(Call.COUNTER, query="ukey=u&count=1")
    assert (
        send(Call.COUNTER, query="ukey=u&key=abc&count=").parsed.refusals[0].code == "metrics.invalid_value"
    )
    assert send(Call.VALUE, query="ukey=u&key=abc").parsed.refusals[0].code == "metrics.invalid_value"


@pytest.mark.parametrize(
    ("path", "parameters", "key"),
    [
        ("/ez", Parameters({"ezkey": "a", "ukey": "b"}), "a"),
        ("/ez/", Parameters({"email": "a@b.example"}), "a@b.example"),
        ("/c", Parameters({"ukey": "b"}), "b"),
        ("/ez", Parameters({}, {"ezkey": "c"}), "c"),
        ("/ez", Parameters({}, {"ezkey": 5}), None),
        ("/ez", Parameters({"ezkey": ""}), None),
        ("/x/secret/statlist", Parameters({"ezkey": "a"}), "secret"),
        ("/x//statlist", Parameters({}), None),
        ("/x", Parameters({}), None),
    ],
)
def test_the_key_is_found(path: str, parameters: Parameters, key: str | None) -> None:
    assert credential_of(path, parameters) == key


@pytest.mark.parametrize(
    ("error", "status"),
    [(Malformed("no"), 400), (Unauthenticated("no"), 401), (TypeConflict("no"), 409), (Throttled("no"), 429),
     (InvalidPoints("no"), 400), (BatchSize("no"), 400)],
)  # fmt: skip
def test_errors_have_stathats_shape(error: DomainError, status: int) -> None:
    assert answered(refused(error)) == (status, {"status": status, "msg": "no"})


def test_a_throttled_client_is_told_how_long_to_wait() -> None:
    assert dict(refused(Throttled("no", retry_after_s=7)).headers)["Retry-After"] == "7"


def test_one_stat_of_the_wrong_type_is_a_conflict() -> None:
    refusal = Refusal(0, "type", TypeConflict.code, "no")
    assert sent(0, [refusal], is_list=False).status == 409
    assert sent(0, [refusal], is_list=True).status == 400
    assert sent(1, [], is_list=False) == Answer(200, b'{"status": 200, "msg": "ok"}')


values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
items: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from(["stat", "count", "value", "t", "x"]), values
)


@given(st.lists(st.one_of(values, items), min_size=1, max_size=5))
def test_any_json_items_are_stored_or_refused(found: list[Any]) -> None:
    try:
        call = listed(*found)
    except DomainError:
        return
    stored = set(call.parsed.batch.item_numbers.tolist())
    assert stored | {refusal.item for refusal in call.parsed.refusals} == set(range(len(found)))
    assert not stored & {refusal.item for refusal in call.parsed.refusals}


@given(st.text(max_size=40), st.binary(max_size=40), st.sampled_from(Call))
def test_any_request_is_read_or_refused(query: str, body: bytes, call: Call) -> None:
    try:
        send(call, query, body)
    except DomainError:
        return
