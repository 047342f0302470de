"""When a mirror is looked at next, and why."""

import datetime as dt
from dataclasses import replace

import pytest

from apps.projects.mirroring.schedule import Standing, plan_next

NOW = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
HOUR_S = 3_600
STANDING = Standing(
    mode="adaptive",
    state="active",
    interval_s=600,
    failures=0,
    last_changed_at=NOW - dt.timedelta(hours=6),
    recloned_at=None,
    is_archived=False,
    is_suspended=False,
    shortest_s=300,
    longest_s=28_800,
)


def wait_s(standing: Standing, spread: float = 0.0) -> float | None:
    due_at = plan_next(standing, now=NOW, spread=spread).due_at
    return None if due_at is None else (due_at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("age", "expected_s"),
    [
        (dt.timedelta(hours=6), 3 * HOUR_S),
        (dt.timedelta(minutes=1), 300),
        (dt.timedelta(days=30), 8 * HOUR_S),
    ],
)
def test_the_longer_nothing_changed_the_longer_nobody_looks(age: dt.timedelta, expected_s: int) -> None:
    assert wait_s(replace(STANDING, last_changed_at=NOW - age)) == expected_s


def test_a_mirror_without_a_change_is_looked_at_soon() -> None:
    assert wait_s(replace(STANDING, last_changed_at=None)) == 300


@pytest.mark.parametrize(("spread", "expected_s"), [(-1.0, 9_720), (1.0, 11_880)])
def test_times_are_spread_by_a_tenth(spread: float, expected_s: int) -> None:
    assert wait_s(STANDING, spread) == expected_s


@pytest.mark.parametrize(
    ("failures", "expected_s"), [(1, 60), (2, 120), (5, 960), (12, 28_800), (4_000, 28_800)]
)
def test_failures_double_the_wait(failures: int, expected_s: int) -> None:
    assert wait_s(replace(STANDING, failures=failures)) == expected_s


@pytest.mark.parametrize(("failures", "expected_s"), [(3, 28_800), (5, 86_400), (9, 86_400), (10, None)])
def test_refusals_wait_longer_and_stop_after_ten(failures: int, expected_s: int | None) -> None:
    refused = replace(STANDING, state="auth_failed", failures=failures)
    assert wait_s(refused) == expected_s
    assert plan_next(refused, now=NOW, spread=0.0).reason == "auth"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_archived": True, "failures": 3}, "archived"),
        ({"is_suspended": True}, "suspended"),
        ({"state": "over_quota", "failures": 1}, "over_quota"),
        ({"mode": "manual", "failures": 1}, "manual"),
    ],
)
def test_some_wait_for_a_person(change: dict[str, object], reason: str) -> None:
    plan = plan_next(replace(STANDING, **change), now=NOW, spread=0.0)  # type: ignore[arg-type] - by case
    assert (plan.due_at, plan.reason) == (None, reason)


def test_a_fixed_interval_is_kept_and_a_missing_branch_is_looked_for_with_growing_patience() -> None:
    assert wait_s(replace(STANDING, mode="fixed")) == 600
    missing = replace(STANDING, mode="fixed", state="branch_missing", failures=2)
    assert (wait_s(missing), plan_next(missing, now=NOW, spread=0.0).reason) == (120, "failing")


def test_damage_is_mended_at_once_but_once_a_day() -> None:
    damaged = replace(STANDING, state="corrupt")
    assert wait_s(damaged) == 0
    assert wait_s(replace(damaged, recloned_at=NOW - dt.timedelta(hours=1))) == 23 * HOUR_S
