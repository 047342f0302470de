"""What a version changed, in time: answers about everything else stay kept."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from apps.datasets.importing.publishing import changed_span
from apps.datasets.models import Segment
from apps.datasets.queries.windows import Window
from apps.datasets.reading.rows import Precision

LONDON = ZoneInfo("Europe/London")


def segment(no: int, first: date, last: date, precision: Precision) -> Segment:
    first_at, last_at = (datetime(day.year, day.month, day.day, tzinfo=LONDON) for day in (first, last))
    return Segment(no=no, first_at=first_at, last_at=last_at, precision_counts={str(int(precision)): 1})


@pytest.mark.parametrize(
    ("precision", "last", "next_period"),
    [
        # Into summer time; shorter than 31 days; in a leap year; the year's last.
        (Precision.MONTH, date(2023, 3, 1), date(2023, 4, 1)),
        (Precision.MONTH, date(2023, 2, 1), date(2023, 3, 1)),
        (Precision.MONTH, date(2024, 2, 1), date(2024, 3, 1)),
        (Precision.MONTH, date(2023, 12, 1), date(2024, 1, 1)),
        (Precision.DAY, date(2023, 10, 29), date(2023, 10, 30)),
        (Precision.DAY, date(2023, 5, 31), date(2023, 6, 1)),
        (Precision.YEAR, date(2023, 1, 1), date(2024, 1, 1)),
    ],
)
def test_the_period_after_the_last_changed_one_is_as_it_was(
    precision: Precision, last: date, next_period: date
) -> None:
    swapped = [segment(number, last, last, precision) for number in (2, 3)]
    kept = segment(1, date(2022, 1, 1), date(2023, 12, 1), Precision.MONTH)
    changed_from, changed_to = changed_span([kept, swapped[0]], [kept, swapped[1]], LONDON)
    assert changed_from == datetime(last.year, last.month, last.day, tzinfo=LONDON).astimezone(UTC)
    assert changed_to == Window(start=next_period).in_zone(LONDON).start


def test_an_instant_is_within_what_changed() -> None:
    (late,) = [segment(1, date(2023, 3, 1), date(2023, 3, 31), Precision.INSTANT)]
    assert late.last_at is not None
    _, changed_to = changed_span([], [late], LONDON)
    assert changed_to is not None
    assert changed_to > late.last_at
    assert changed_span([late], [late], LONDON) == (None, None)
