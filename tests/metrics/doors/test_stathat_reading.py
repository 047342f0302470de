"""StatHat's reading calls: their parameters and the shapes of their answers."""

import datetime as dt
import json

import pytest

from apps.common.errors import Malformed
from apps.metrics.doors.stathat.answers import Dataset, ListedStat, StatPoint, datasets, stat, stat_list
from apps.metrics.doors.stathat.readings import (
    Span,
    parse_data,
    parse_offset,
    parse_stat_name,
    parse_timeframe,
)

NOW = dt.datetime(2024, 3, 31, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "span", "step"),
    [
        ("1w3h", Span(604_800), Span(10_800)),
        ("30m1m", Span(1_800), Span(60)),
        ("2M1d", Span(months=2), Span(86_400)),
        ("1y1M", Span(months=12), Span(months=1)),
        ("1h1h", Span(3_600), Span(3_600)),
    ],
)
def test_timeframes_are_a_span_and_a_step(text: str, span: Span, step: Span) -> None:
    found = parse_timeframe(text)
    assert (found.span, found.step, found.text) == (span, step, text)


@pytest.mark.parametrize(
    "text", ["", "1w", "1w3", "0w3h", "1h1d", "999999y1m", "1w3h ", "-1w3h", "1x1h", "\u0661w3h"]
)
def test_other_timeframes_are_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_timeframe(text)


def test_data_is_asked_for_by_one_to_five_ids() -> None:
    assert parse_data("a/b/", {"t": "1d1h"}).ids == ("a", "b")
    for path in ("", "/", "1/2/3/4/5/6"):
        with pytest.raises(Malformed):
            parse_data(path, {})


def test_a_window_ends_now_or_begins_at_start() -> None:
    assert parse_data("a", {}).window(NOW) == (NOW - dt.timedelta(days=1), NOW)
    assert parse_data("a", {"t": "1M1d"}).window(NOW)[0] == dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    start = parse_data("a", {"t": "1w3h", "start": "1700000000"}).window(NOW)[0]
    assert start == dt.datetime.fromtimestamp(1_700_000_000, dt.UTC)
    assert parse_data("a", {"t": "1w3h", "start": "1700000000"}).window(NOW)[1] == start + dt.timedelta(
        days=7
    )


@pytest.mark.parametrize("query", [{"start": "x"}, {"start": "-1"}, {"start": "1" * 12}, {"start": "9" * 30}])
def test_a_start_is_a_number_of_seconds(query: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse_data("a", query).window(NOW)


def test_a_window_beyond_the_calendar_is_malformed() -> None:
    for query in ({"t": "9000y1y"}, {"t": "9000y1y", "start": "99999999999"}, {"t": "400000w4000w"}):
        with pytest.raises(Malformed):
            parse_data("a", query).window(NOW)


def test_lists_have_an_offset() -> None:
    assert (parse_offset({}), parse_offset({"offset": "10000"})) == (0, 10_000)
    for text in ("-1", "x", "1" * 10):
        with pytest.raises(Malformed):
            parse_offset({"offset": text})


def test_a_stat_is_looked_for_by_name() -> None:
    assert parse_stat_name({"name": " a b "}) == "a b"
    with pytest.raises(Malformed):
        parse_stat_name({"name": ""})


def test_answers_have_stathats_shapes() -> None:
    listed = ListedStat("i", "page views", counter=True)
    shape = {"id": "i", "name": "page views", "public": False, "counter": True}
    assert json.loads(stat(listed).body) == shape
    assert json.loads(stat_list([listed]).body) == [shape]
    assert json.loads(datasets([Dataset("page views", "1w3h", [StatPoint(1_700_000_000, 2.5)])]).body) == [
        {"name": "page views", "timeframe": "1w3h", "points": [{"time": 1_700_000_000, "value": 2.5}]}
    ]
