"""Windows: half-open, in the dataset's zone, events of day, month and year as intervals."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from apps.datasets.queries.windows import Window, day_start, period_start
from apps.datasets.reading.rows import Precision

LONDON = ZoneInfo("Europe/London")


def test_a_bare_end_date_includes_that_day_and_the_zone_decides_where_days_start() -> None:
    span = Window(date(2023, 3, 1), date(2023, 3, 31)).in_zone(LONDON)
    assert span.start == datetime(2023, 3, 1, tzinfo=UTC)
    assert span.end == datetime(2023, 3, 31, 23, tzinfo=UTC)  # summer time began on the 26th


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2023, 3, 26), 23), (date(2023, 10, 29), 25), (date(2023, 7, 1), 24)]
)
def test_a_day_of_changing_clocks_is_as_long_as_it_is(day: date, hours: int) -> None:
    span = Window(day, day).in_zone(LONDON)
    assert span.start is not None
    assert span.end is not None
    assert (span.end - span.start).total_seconds() == hours * 3600


def test_a_day_whose_midnight_does_not_exist_starts_after_the_gap() -> None:
    assert day_start(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")) == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_periods_start_where_the_zone_says() -> None:
    instant = datetime(2023, 6, 30, 23, 30, tzinfo=UTC)  # half past midnight of 1 July in London
    assert period_start(instant, Precision.INSTANT, LONDON) == instant
    assert period_start(instant, Precision.DAY, LONDON) == datetime(2023, 6, 30, 23, tzinfo=UTC)
    assert period_start(instant, Precision.MONTH, LONDON) == datetime(2023, 6, 30, 23, tzinfo=UTC)
    assert period_start(instant, Precision.YEAR, LONDON) == datetime(2023, 1, 1, tzinfo=UTC)


def test_only_a_period_that_the_end_cuts_in_two_is_cut() -> None:
    span = Window(date(2023, 3, 2), date(2023, 3, 10)).in_zone(ZoneInfo("UTC"))
    assert span.cut_from(Precision.DAY) is None
    assert span.cut_from(Precision.MONTH) == datetime(2023, 3, 1, tzinfo=UTC)


def test_an_open_window_and_far_years_do_not_overflow() -> None:
    assert Window().in_zone(LONDON).is_open
    span = Window(date(1, 1, 1), date(9999, 12, 31)).in_zone(ZoneInfo("Pacific/Auckland"))
    assert span.start is not None
    assert span.end is not None
    assert span.start.year < 1800
    assert span.end.year > 2100


def test_a_window_whose_end_is_not_after_its_start_is_empty() -> None:
    moment = datetime(2023, 1, 1, tzinfo=UTC)
    assert Window(moment, moment).in_zone(LONDON).is_empty
    assert not Window(date(2023, 1, 1), date(2023, 1, 1)).in_zone(LONDON).is_empty
