"""The frozen clock, and calls of other hosts that lose no time."""

import datetime as dt
from collections.abc import Iterator

import pytest
import stamina
import time_machine

from apps.common.outbound import client

# A Wednesday at noon, far from every change of a clock.
NOON = dt.datetime(2026, 1, 14, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop Python's clock at NOON; `clock.shift(seconds)` and `clock.move_to(time)` move it.

    The database has its own clock: `now()` in SQL goes on.
    """
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Repeat failed calls of other hosts at once and let them fail at once; how often stays the same."""
    monkeypatch.setattr(client, "FAILURE_TAKES_S", 0.0)
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
