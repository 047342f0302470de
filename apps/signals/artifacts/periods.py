"""Months, quarters and years as the files write them (section 2 of the format page)."""

import datetime as dt
import re
from typing import Final

PERIOD: Final = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?|-?[Qq]([1-4]))?(?:\.0)?")


def first_day(period: str) -> dt.date | None:
    """Return the first day of the first month of `202407`, `2024-07`, `20240715`, `2024-Q3`, `2024`."""
    found = PERIOD.fullmatch(period.strip())
    if found is None:
        return None
    year, month, _day, quarter = found.groups()
    number = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
    return dt.date(int(year), number, 1) if 1 <= number <= 12 and int(year) >= 1 else None  # noqa: PLR2004
