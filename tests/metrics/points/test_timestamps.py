"""When a point happened: exact to the microsecond, near its receipt, else refused with a reason."""

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.points.batch import DAY_US, SECOND_US, Refusal
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import (
    MANY_TEXTS,
    Stamp,
    TextRefused,
    TimeWindow,
    instant_of_number,
    instant_of_text,
    instants_of_integers,
    read_stamps,
)

NOW_S = 1_700_000_000
WINDOW = TimeWindow(NOW_S * SECOND_US)
WIDE = TimeWindow(NOW_S * SECOND_US, past_us=100 * 365 * DAY_US, future_us=100 * 365 * DAY_US)


def read(
    stamps: Sequence[Stamp], window: TimeWindow = WINDOW, texts: Sequence[str] = ()
) -> tuple[list[int], list[Refusal]]:
    refusals = Refusals(len(stamps))
    times = read_stamps(stamps, window, refusals, lambda item: texts[item] if texts else repr(stamps[item]))
    return times.tolist(), refusals.in_order()


def test_no_time_is_the_time_of_receipt() -> None:
    assert read([None, NOW_S - 1]) == ([NOW_S * SECOND_US, (NOW_S - 1) * SECOND_US], [])


@pytest.mark.parametrize("sign", [-1, 1])
def test_seven_days_off_is_accepted_and_a_microsecond_more_refused(sign: int) -> None:
    edge = NOW_S + sign * 604_800
    over = f"{Decimal(edge) + sign * Decimal('0.000001')}"
    times, refusals = read([edge, float(over)])
    assert times == [edge * SECOND_US, edge * SECOND_US + sign]
    assert [(one.item, one.field, one.code) for one in refusals] == [
        (1, "timestamp", "metrics.timestamp_out_of_range")
    ]


def test_a_refusal_says_the_bounds() -> None:
    _times, [refusal] = read([0])
    assert "2023-11-07T22:13:20Z" in refusal.detail
    assert "2023-11-21T22:13:20Z" in refusal.detail
    assert "fit" not in refusal.detail


@pytest.mark.parametrize(
    ("stamp", "unit"),
    [
        (NOW_S * 1_000, "milliseconds"),
        (NOW_S * 1_000 + 0.5, "milliseconds"),
        (NOW_S * 10**6, "microseconds"),
        (NOW_S * 10**9, "nanoseconds"),
    ],
)
def test_a_number_in_another_unit_is_refused_with_the_unit_that_fits(stamp: float, unit: str) -> None:
    _times, [refusal] = read([stamp])
    assert refusal.code == "metrics.timestamp_out_of_range"
    assert f"As {unit} " in refusal.detail


@pytest.mark.parametrize(
    "stamp", [0, -1, 10**25, -(10**25), float("inf"), float("-inf"), 1e300, -1e300, 5e-324]
)
def test_numbers_far_off_are_refused(stamp: float) -> None:
    _times, [refusal] = read([NOW_S, stamp])
    assert (refusal.item, refusal.code) == (1, "metrics.timestamp_out_of_range")


def test_a_decimal_is_exact() -> None:
    assert read([1700000000.123456])[0] == [1_700_000_000_123_456]


def test_digits_decide_where_a_float_cannot() -> None:
    texts = [
        "1700000000.1234565",
        "1700000000.12345650000001",
        "1700000000.12345649999999",
        "1700000000.1234575",
    ]
    times, _refusals = read([float(text) for text in texts], texts=texts)
    assert [time % SECOND_US for time in times] == [123456, 123457, 123456, 123458]


@given(st.lists(st.decimals("1699999000", "1700000999", places=9).map(str), min_size=1, max_size=30))
def test_decimals_are_rounded_as_written(texts: list[str]) -> None:
    times, _refusals = read([float(text) for text in texts], texts=texts)
    assert times == [int((Decimal(text) * SECOND_US).to_integral_value(ROUND_HALF_EVEN)) for text in texts]


def test_whole_seconds_saturate_instead_of_wrapping_around() -> None:
    times = instants_of_integers([2**62, -(2**62), 2**70, 1])
    assert (np.abs(times[:3]) > 4 * 10**18).all()
    assert np.sign(times).tolist() == [1, -1, 1, 1]
    assert instant_of_number("1e99") == instant_of_number("9" * 5_000) > 4 * 10**18


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2023-11-14T22:13:20Z", 0),
        ("2023-11-14t22:13:20.5z", 500_000),
        ("2023-11-14 22:13:20+00:00", 0),
        ("2023-11-14T23:13:20.000001+01:00", 1),
        ("2023-11-14T22:13:20.0000005Z", 0),
        ("2023-11-14T22:13:20.00000050001Z", 1),
        ("2023-11-14T22:13:19.9999999Z", 0),
    ],
)
def test_texts_are_read_to_the_microsecond(text: str, microseconds: int) -> None:
    assert instant_of_text(text) == NOW_S * SECOND_US + microseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2023-11-14T22:13:20", "offset"),
        ("2023-11-14", "offset"),
        ("2023-11-14T22:13:60Z", "Leap"),
        ("2023-11-14T23:59:60.5+00:00", "Leap"),
        ("2023-02-29T00:00:00Z", "day"),
        ("2023-11-14T24:00:00Z", "offset"),
        ("2023-11-14T22:13:20+0100", "offset"),
        ("0000-11-14T22:13:20Z", "day"),
        ("1700000000", "as a number"),
        ("1.7e9", "as a number"),
        ("", "offset"),
        ("now", "offset"),
        ("2023-11-14T22:13:20Z\n", "offset"),
        ("\u0662\u0660\u0662\u0663-11-14T22:13:20Z", "offset"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(TextRefused, match=reason):
        instant_of_text(text)
    _times, [refusal] = read([text])
    assert (refusal.field, refusal.code) == ("timestamp", "invalid")


def test_a_text_outside_is_refused_without_a_word_on_units() -> None:
    _times, [refusal] = read(["2022-11-14T22:13:20Z"])
    assert refusal.code == "metrics.timestamp_out_of_range"
    assert "fit" not in refusal.detail


instants = st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2040, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001
offsets = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@given(st.lists(st.tuples(instants, offsets), min_size=MANY_TEXTS, max_size=MANY_TEXTS + 8))
def test_many_texts_are_read_as_each_would_be(moments: list[tuple[dt.datetime, dt.timezone]]) -> None:
    texts = [moment.astimezone(offset).isoformat() for moment, offset in moments]
    assert read(texts, WIDE) == ([instant_of_text(text) for text in texts], [])


text_kinds = st.sampled_from(
    ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.1234567Z", "2023-02-30T00:00:00Z", "2023-11-14T22:13:60Z",
     "2023-11-14T29:13:20Z", "2023-11-14T22:13:20+29:00", "x", "2023-11-14T22:13:20"]
)  # fmt: skip


@given(st.lists(text_kinds, min_size=MANY_TEXTS))
def test_among_many_texts_the_faulty_ones_are_refused(texts: list[str]) -> None:
    good = {"2023-11-14T22:13:20Z", "2023-11-14T22:13:20.1234567Z"}
    _times, refusals = read(texts)
    assert [one.item for one in refusals] == [number for number, text in enumerate(texts) if text not in good]


def test_kinds_may_be_mixed() -> None:
    stamps: list[Stamp] = [None, NOW_S, NOW_S + 0.25, "2023-11-14T22:13:21Z", "x", NOW_S * 1_000]
    times, refusals = read(stamps)
    assert [time - NOW_S * SECOND_US for time in times[:4]] == [0, 0, 250_000, 1_000_000]
    assert [one.item for one in refusals] == [4, 5]
