"""Instants: formats, precision, zones with their gaps and folds, equal for single values and arrays."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.reading.errors import ZoneUnknown
from apps.datasets.reading.rows import RowCode
from apps.datasets.reading.timestamps import Instant, TimeReader
from apps.datasets.reading.zones import load_zone
from tests.datasets.reading.tables import NOW

ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
)
FORMATS = ("iso", "%d/%m/%Y", "%m/%d/%y %H:%M", "%d %b %Y", "%Y%m%d%H%M%S", "%B %d, %Y %I:%M %p", "%j/%Y")


def clock_times(first_year: int, last_year: int) -> st.SearchStrategy[datetime]:
    """Return local times, which by their nature have no zone."""
    return st.datetimes(datetime(first_year, 1, 1), datetime(last_year, 1, 1))  # noqa: DTZ001


def reader(*formats: str, zone: str = "UTC") -> TimeReader:
    return TimeReader(formats or ("iso",), load_zone(zone, NOW.year + 11), NOW)


def read(text: str, *formats: str, zone: str = "UTC") -> str:
    """Return the instant as text with its precision, or the code."""
    found = reader(*formats, zone=zone).one(text)
    many = reader(*formats, zone=zone).many(pa.array([text]))
    assert bool(many.ok[0]) is isinstance(found, Instant)
    if not isinstance(found, Instant):
        return found.value
    assert many.occurred_us[0] == found.occurred_us
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.occurred_us)
    return f"{at.replace(tzinfo=None).isoformat()} {found.precision.name} {found.shift.value}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023", "2023-01-01T00:00:00 YEAR none"),
        ("2023-05", "2023-05-01T00:00:00 MONTH none"),
        ("2023-05-06", "2023-05-06T00:00:00 DAY none"),
        ("20230506", "2023-05-06T00:00:00 DAY none"),
        (" 2023-05-06T07:08 ", "2023-05-06T07:08:00 INSTANT none"),
        ("2023-05-06 07:08:09.123456789", "2023-05-06T07:08:09.123456 INSTANT none"),
        ("2023-05-06T07:08:09,5Z", "2023-05-06T07:08:09.500000 INSTANT none"),
        ("2023-05-06T07:08:09-0330", "2023-05-06T10:38:09 INSTANT none"),
        ("2023-05-06T07:08:09+05", "2023-05-06T02:08:09 INSTANT none"),
        ("20230506T070809Z", "2023-05-06T07:08:09 INSTANT none"),
        ("1800-01-01", "1800-01-01T00:00:00 DAY none"),
        ("1799-12-31", "timestamp_out_of_range"),
        ("2036-11-20T12:00:00Z", "2036-11-20T12:00:00 INSTANT none"),
        ("2036-11-20T12:00:01Z", "timestamp_out_of_range"),
        ("2023-5-6", "timestamp_invalid"),
        ("0000-01-01", "timestamp_invalid"),
        ("2023-05-06T07", "2023-05-06T07:00:00 INSTANT none"),
        ("2023-05-06T", "timestamp_invalid"),
        ("2023-05-06T07:08:09+19:00", "timestamp_invalid"),
        ("\u0662\u0660\u0662\u0663", "timestamp_invalid"),
    ],
)
def test_iso(text: str, expected: str) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("1/2/2023", "%d/%m/%Y", "2023-02-01T00:00:00 DAY none"),
        ("01.02.69", "%d.%m.%y", "1969-02-01T00:00:00 DAY none"),
        ("01.02.68", "%d.%m.%y", "timestamp_out_of_range"),
        ("01.02.25", "%d.%m.%y", "2025-02-01T00:00:00 DAY none"),
        ("5 MAY 2023", "%d %b %Y", "2023-05-05T00:00:00 DAY none"),
        ("May 5, 2023 12:30 AM", "%B %d, %Y %I:%M %p", "2023-05-05T00:30:00 INSTANT none"),
        ("May 5, 2023 12:30 p.m.", "%B %d, %Y %I:%M %p", "2023-05-05T12:30:00 INSTANT none"),
        ("May 5, 2023 13:30 PM", "%B %d, %Y %I:%M %p", "timestamp_invalid"),
        ("060/2024", "%j/%Y", "2024-02-29T00:00:00 DAY none"),
        ("366/2023", "%j/%Y", "timestamp_invalid"),
        ("05/2023", "%m/%Y", "2023-05-01T00:00:00 MONTH none"),
        ("2023-05-06 10:00 +0200", "%Y-%m-%d %H:%M %z", "2023-05-06T08:00:00 INSTANT none"),
        ("1683331200", "epoch_s", "2023-05-06T00:00:00 INSTANT none"),
        ("1683331200.25", "epoch_s", "2023-05-06T00:00:00.250000 INSTANT none"),
        ("-86400", "epoch_s", "1969-12-31T00:00:00 INSTANT none"),
        ("1683331200123", "epoch_ms", "2023-05-06T00:00:00.123000 INSTANT none"),
        ("1683331200123", "epoch_s", "timestamp_out_of_range"),
        ("999999999999999", "epoch_ms", "timestamp_out_of_range"),
        ("1e9", "epoch_s", "timestamp_invalid"),
    ],
)
def test_other_formats(text: str, format_: str, expected: str) -> None:
    assert read(text, format_) == expected


def test_formats_are_tried_in_their_order() -> None:
    assert read("05/06/2023", "%d/%m/%Y", "%m/%d/%Y").startswith("2023-06-05")
    assert read("05/06/2023", "%m/%d/%Y", "%d/%m/%Y").startswith("2023-05-06")
    assert read("05/16/2023", "%d/%m/%Y", "%m/%d/%Y").startswith("2023-05-16")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2023-03-26T01:30:00", "Europe/London", "2023-03-26T01:30:00 INSTANT time_in_gap"),
        ("2023-10-29T01:30:00", "Europe/London", "2023-10-29T00:30:00 INSTANT time_ambiguous"),
        ("2023-10-29T02:00:00", "Europe/London", "2023-10-29T02:00:00 INSTANT none"),
        ("2023-03-12T02:30:00", "America/New_York", "2023-03-12T07:30:00 INSTANT time_in_gap"),
        ("2023-11-05T01:30:00", "America/New_York", "2023-11-05T05:30:00 INSTANT time_ambiguous"),
        ("2023-10-01T02:10:00", "Australia/Lord_Howe", "2023-09-30T15:40:00 INSTANT time_in_gap"),
        ("2023-06-01T12:00:00", "Asia/Kolkata", "2023-06-01T06:30:00 INSTANT none"),
        ("2023-10-29T01:30:00+01:00", "Europe/London", "2023-10-29T00:30:00 INSTANT none"),
        ("2023-10-29T01:30:00Z", "Europe/London", "2023-10-29T01:30:00 INSTANT none"),
    ],
)
def test_09_gaps_move_forward_folds_are_the_earlier_and_offsets_win(
    text: str, zone: str, expected: str
) -> None:
    assert read(text, zone=zone) == expected


def test_what_lies_ahead_is_counted_from_a_day_on() -> None:
    flags = [reader().one(text) for text in ("2026-11-21T12:00:00Z", "2026-11-21T12:00:01Z")]
    assert [flag.in_future for flag in flags if isinstance(flag, Instant)] == [False, True]


@settings(deadline=None, max_examples=300)
@given(clock_times(1801, 2036), st.sampled_from(ZONES))
def test_every_local_time_is_what_zoneinfo_says_of_the_earlier(local: datetime, zone: str) -> None:
    expected = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    found = reader(zone=zone).one(local.isoformat())
    assert isinstance(found, Instant)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.occurred_us) == expected


@settings(deadline=None, max_examples=200)
@given(
    st.lists(clock_times(1700, 2099), min_size=1, max_size=30),
    st.lists(st.sampled_from(FORMATS), min_size=1, max_size=4),
    st.sampled_from(FORMATS),
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(["", "x", "2023-02-30", "31/11/2023"])),
)
def test_arrays_are_read_like_single_values(
    instants: list[datetime], formats: list[str], written: str, zone: str, others: list[str]
) -> None:
    spelling = "%Y-%m-%d %H:%M:%S" if written == "iso" else written
    texts = [at.replace(year=max(at.year, 1000)).strftime(spelling) for at in instants] + others
    times = reader(*formats, zone=zone)
    many = times.many(pa.array([*texts, None]))
    assert not many.ok[-1]
    for row, text in enumerate(texts):
        one = times.one(text)
        assert bool(many.ok[row]) is isinstance(one, Instant)
        if isinstance(one, Instant):
            assert many.occurred_us[row] == one.occurred_us
            assert many.precision[row] == one.precision
            assert (many.in_gap[row], many.ambiguous[row]) == (
                one.shift == "time_in_gap",
                one.shift == "time_ambiguous",
            )
            assert many.in_future[row] == one.in_future


@settings(deadline=None, max_examples=200)
@given(
    clock_times(1970, 2030),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%y %H:%M", "%Y%m%d%H%M%S", "%d %b %Y"]),
)
def test_patterns_read_what_strftime_writes(at: datetime, format_: str) -> None:
    text = at.strftime(format_)
    found = reader(format_).one(text)
    assert isinstance(found, Instant)
    expected = datetime.strptime(text, format_).replace(tzinfo=UTC)
    assert found.occurred_us == (expected - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_all_days_of_four_centuries_are_read_by_templates() -> None:
    days = np.arange(np.datetime64("1800-01-01"), np.datetime64("2036-01-01"))
    found = reader().many(pa.array(np.datetime_as_string(days).tolist()))
    assert found.ok.all()
    assert (found.occurred_us // 86_400_000_000 == days.astype(np.int64)).all()
    assert date.fromordinal(719_163 + int(found.occurred_us[-1] // 86_400_000_000)) == date(2035, 12, 31)


@pytest.mark.parametrize("name", ["US/Pacific-New", "Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_25_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(ZoneUnknown):
        load_zone(name, 2030)


def test_a_code_is_told_for_what_is_no_time() -> None:
    assert reader().one("yesterday") is RowCode.TIMESTAMP_INVALID
