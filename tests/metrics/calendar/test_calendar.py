"""Buckets of calendars: against PostgreSQL, and by hand where clocks do odd things."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection

from apps.metrics.calendar.intervals import bucket_count, bucket_edges, choose_interval, parse_interval
from apps.metrics.calendar.windows import (
    Ago,
    Window,
    aware,
    instant_us,
    parse_moment,
    parse_zone,
    resolve_window,
)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
)
HOUR = 3_600_000_000


def us(text: str) -> int:
    return instant_us(dt.datetime.fromisoformat(text))


def edges_of(start: str, end: str, interval: str, zone: str) -> list[str]:
    edges = bucket_edges(Window(us(start), us(end)), parse_interval(interval), parse_zone(zone))
    return [aware(edge).strftime("%Y-%m-%dT%H:%MZ") for edge in edges.tolist()]


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_edges_are_those_of_date_trunc_from_1970_to_2040(zone: str, unit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (extract(epoch FROM date_trunc(%s, t, %s)) * 1000000)::bigint"
            " FROM generate_series('1970-01-01Z'::timestamptz, '2040-01-01Z', '6 hours') AS t",
            [unit, zone],
        )
        truncated = np.sort([edge for (edge,) in cursor.fetchall()])
    window = Window(us("1970-01-01T00:00:00Z"), us("2040-01-01T00:00:01Z"))
    edges = bucket_edges(window, parse_interval(unit), parse_zone(zone))
    assert edges[0] <= window.start < edges[1]
    assert edges[-2] < window.end <= edges[-1]
    first = max(edges[0], truncated[0])
    assert edges[(edges >= first) & (edges <= truncated[-1])].tolist() == truncated.tolist()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("interval", ["minute", "7m", "hour", "day", "3d", "week", "month"])
def test_buckets_meet_the_window_without_holes_and_without_empty_spans(zone: str, interval: str) -> None:
    for start in range(us("2011-12-25T10:07:00Z"), us("2012-01-03T00:00:00Z"), 29 * HOUR):
        window = Window(start, start + 9 * 24 * HOUR + 17)
        edges = bucket_edges(window, parse_interval(interval), parse_zone(zone))
        assert (np.diff(edges) > 0).all()
        assert edges[0] <= window.start < edges[1]
        assert edges[-2] < window.end <= edges[-1]
        count = bucket_count(window, parse_interval(interval), parse_zone(zone))
        assert len(edges) - 1 <= count <= len(edges) + 1


def test_days_of_berlin_have_23_and_25_hours_when_the_clock_changes() -> None:
    spring = bucket_edges(
        Window(us("2024-03-31T01:00:00Z"), us("2024-03-31T02:00:00Z")),
        parse_interval("day"),
        ZoneInfo("Europe/Berlin"),
    )
    autumn = bucket_edges(
        Window(us("2024-10-27T01:00:00Z"), us("2024-10-27T02:00:00Z")),
        parse_interval("day"),
        ZoneInfo("Europe/Berlin"),
    )
    assert (np.diff(spring) // HOUR).tolist() == [23]
    assert (np.diff(autumn) // HOUR).tolist() == [25]


def test_the_doubled_hour_of_berlin_is_two_buckets() -> None:
    found = edges_of("2024-10-27T00:00:00Z", "2024-10-27T02:00:00Z", "hour", "Europe/Berlin")
    assert found == ["2024-10-27T00:00Z", "2024-10-27T01:00Z", "2024-10-27T02:00Z"]


def test_apia_has_no_30th_of_december_2011() -> None:
    found = edges_of("2011-12-29T12:00:00Z", "2012-01-01T09:00:00Z", "day", "Pacific/Apia")
    assert found == ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z", "2012-01-01T10:00Z"]


def test_a_day_of_sao_paulo_without_midnight_starts_at_one() -> None:
    found = edges_of("2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z", "day", "America/Sao_Paulo")
    assert found == ["2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"]


def test_lord_howe_moves_its_clock_by_half_an_hour() -> None:
    edges = bucket_edges(
        Window(us("2024-04-06T13:30:00Z"), us("2024-04-07T10:00:00Z")),
        parse_interval("day"),
        ZoneInfo("Australia/Lord_Howe"),
    )
    assert ((edges[1] - edges[0]) / HOUR).tolist() == 24.5


def test_elapsed_widths_are_aligned_to_the_offset_at_the_start() -> None:
    found = edges_of("2024-01-01T00:10:00Z", "2024-01-01T02:00:00Z", "hour", "Asia/Kathmandu")
    assert found == ["2023-12-31T23:15Z", "2024-01-01T00:15Z", "2024-01-01T01:15Z", "2024-01-01T02:15Z"]


def test_several_days_count_from_the_first_monday_of_1970() -> None:
    assert edges_of("2024-01-03T00:00:00Z", "2024-01-08T00:00:00Z", "7d", "UTC") == [
        "2024-01-01T00:00Z",
        "2024-01-08T00:00Z",
    ]
    assert edges_of("1970-01-06T00:00:00Z", "1970-01-07T00:00:00Z", "2d", "UTC") == [
        "1970-01-05T00:00Z",
        "1970-01-07T00:00Z",
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-01-01T00:00:00Z", us("2024-01-01T00:00:00Z")),
        ("2024-01-01T00:00:00.123456 02:00", us("2024-01-01T00:00:00.123456+02:00")),
        ("2024-01-01 00:00:00Z", us("2024-01-01T00:00:00Z")),
        ("1700000000.123456", 1_700_000_000_123_456),
        ("0", 0),
        ("-5", -5_000_000),
        ("2024-02-29", dt.date(2024, 2, 29)),
        ("-6h", Ago(6 * HOUR)),
        ("-30d", Ago(720 * HOUR)),
    ],
)
def test_moments_are_read(text: str, meant: object) -> None:
    assert parse_moment(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2023-02-29", "2024-01-01T00:00:00", "2024-01-01T00:00:60Z", "1e9", "6h", "9999-12-31"],
)
def test_what_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)


def test_a_date_as_end_includes_that_day_of_the_zone() -> None:
    day = dt.date(2024, 3, 31)
    window = resolve_window(day, day, ZoneInfo("Europe/Berlin"), 0)
    assert (window.end - window.start) // HOUR == 23
    assert window.start == us("2024-03-30T23:00:00Z")


@pytest.mark.parametrize("text", ["", "0m", "5", "m", "1y", "-5m", "1.5h", "Hour", "99999999999d"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 5m"):
        parse_interval(text)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "UTC+25"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_zone(name)


@pytest.mark.parametrize(
    ("hours", "chosen"), [(0.1, "1s"), (6, "1m"), (24, "5m"), (24 * 7, "30m"), (24 * 365, "day")]
)
def test_auto_takes_the_finest_interval_that_fits(hours: float, chosen: str) -> None:
    window = Window(0, int(hours * HOUR))
    assert choose_interval(window, ZoneInfo("UTC"), 500).text == chosen
