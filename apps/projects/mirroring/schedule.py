"""When a mirror is looked at next, and why. Pure.

Every time lies within -10 % and +10 % of what is said, so that a thousand mirrors do not come at once.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apps.projects.states import MirrorState, SyncMode

FAILING_S: Final = 30
FAILING_MAX_S: Final = 28_800
AUTH_S: Final = 3_600
AUTH_MAX_S: Final = 86_400
AUTH_FAILURES_MAX: Final = 10
RECLONE_EVERY: Final = dt.timedelta(hours=24)
SPREAD: Final = 0.1
# Beyond this every delay is at its longest, and the power of two would only grow.
EXPONENT_MAX: Final = 16


class DueReason(StrEnum):
    """Why a mirror is due when it is, or why it is not."""

    ADAPTIVE = "adaptive"
    FIXED = "fixed"
    MANUAL = "manual"
    FAILING = "failing"
    AUTH = "auth"
    ARCHIVED = "archived"
    OVER_QUOTA = "over_quota"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides when a mirror is due; `shortest_s` and `longest_s` bound the adaptive mode."""

    mode: str
    state: str
    interval_s: int
    failures: int
    last_changed_at: dt.datetime | None
    recloned_at: dt.datetime | None
    is_archived: bool
    is_suspended: bool
    shortest_s: int
    longest_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """When a mirror is due, None: only when a person acts."""

    due_at: dt.datetime | None
    reason: DueReason


def plan_next(standing: Standing, *, now: dt.datetime, spread: float) -> Plan:
    """Return the next time; `spread` in -1..1 says where in the band around it."""
    reason = reason_of(standing)
    if standing.state == MirrorState.CORRUPT and reason is DueReason.FAILING:
        free_at = standing.recloned_at + RECLONE_EVERY if standing.recloned_at else now
        return Plan(max(now, free_at), reason)
    delay_s = _delay_s(standing, reason, now)
    if delay_s is None:
        return Plan(None, reason)
    return Plan(now + dt.timedelta(seconds=delay_s * (1 + SPREAD * spread)), reason)


def reason_of(standing: Standing) -> DueReason:
    """Return what decides: first what stops all, then trouble, then what was chosen."""
    stops = (
        (standing.is_archived, DueReason.ARCHIVED),
        (standing.is_suspended, DueReason.SUSPENDED),
        (standing.state == MirrorState.OVER_QUOTA, DueReason.OVER_QUOTA),
        (standing.mode == SyncMode.MANUAL, DueReason.MANUAL),
        (standing.state == MirrorState.AUTH_FAILED, DueReason.AUTH),
        (standing.failures > 0 or standing.state == MirrorState.CORRUPT, DueReason.FAILING),
        (standing.mode == SyncMode.FIXED, DueReason.FIXED),
    )
    return next((reason for holds, reason in stops if holds), DueReason.ADAPTIVE)


def _delay_s(standing: Standing, reason: DueReason, now: dt.datetime) -> float | None:
    doubled = 1 << min(standing.failures, EXPONENT_MAX)
    match reason:
        case DueReason.ADAPTIVE:
            age_s = (now - standing.last_changed_at).total_seconds() if standing.last_changed_at else 0.0
            return min(max(age_s / 2, standing.shortest_s), standing.longest_s)
        case DueReason.FIXED:
            return standing.interval_s
        case DueReason.FAILING:
            return min(FAILING_S * doubled, FAILING_MAX_S)
        case DueReason.AUTH if standing.failures < AUTH_FAILURES_MAX:
            return min(AUTH_S * doubled, AUTH_MAX_S)
    return None
