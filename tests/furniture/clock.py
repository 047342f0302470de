"""The frozen clock."""

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine

# A Wednesday at noon, far from every change of a clock.
NOON = dt.datetime(2026, 1, 14, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop Python's clock at NOON; `clock.shift(seconds)` and `clock.move_to(time)` move it.

    The database has its own clock: `now()` in SQL goes on.
    """
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
