"""For how long the points and rollups of each metric are kept, and until when late points come in."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q

from apps.metrics.models import Metric, Policy
from apps.metrics.storage.partitions import DAY
from apps.metrics.storage.retiring import Past

NARROW_S = 900


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds in one organization; the overrides are by number of metric. 0 days of rollups keep them."""

    skew_past_s: int
    raw_days: int
    rollup_15m_days: int
    rollup_1h_days: int
    raw_overrides: Mapping[int, int] = field(default_factory=dict)
    rollup_overrides: Mapping[int, int] = field(default_factory=dict)

    def raw_days_of(self, number: int | None) -> int:
        """Return for how many days a metric's points are kept; of None, one without overrides."""
        return self.raw_days if number is None else self.raw_overrides.get(number, self.raw_days)

    def rollup_days_of(self, number: int | None, width_s: int) -> int:
        """Return for how many days a metric's rollups are kept: never shorter than its points, 0 for ever."""
        days = self.rollup_15m_days if width_s == NARROW_S else self.rollup_1h_days
        if number is not None:
            days = self.rollup_overrides.get(number, days)
        return max(days, self.raw_days_of(number)) if days else 0

    def raw_past(self, today: dt.date, after: dt.date) -> Past:
        """Return the metrics for which the points before `after`, a UTC midnight, are past."""
        return _past(self.raw_overrides, lambda number: after <= raw_cut(today, self.raw_days_of(number)))

    def rollup_past(self, today: dt.date, after: dt.date, width_s: int) -> Past:
        """Return the metrics for which the rollups of a width before `after`, a UTC midnight, are past."""

        def is_past(number: int | None) -> bool:
            days = self.rollup_days_of(number, width_s)
            return days > 0 and after <= raw_cut(today, days)

        return _past([*self.raw_overrides, *self.rollup_overrides], is_past)

    def is_closed(self, now: dt.datetime, day: dt.date) -> bool:
        """Tell whether no late point of a UTC day comes in any more, unless somebody backfills."""
        end = dt.datetime.combine(day + DAY, dt.time(), dt.UTC)
        return end + dt.timedelta(seconds=self.skew_past_s) <= now


def raw_cut(today: dt.date, days: int) -> dt.date:
    """Return the first UTC day that is kept for so many days: what lies before its midnight is past."""
    return today - dt.timedelta(days=days)


def always_raw_since(bounds: Bounds, now: dt.datetime) -> dt.date:
    """Return the first UTC day whose points no retention has taken, by this policy or one before.

    Points are always kept for longer than late ones come in.
    """
    now = now.astimezone(dt.UTC)
    skew = (now - dt.timedelta(seconds=bounds.skew_past_s)).date()
    return max(skew, raw_cut(now.date(), min([bounds.raw_days, *bounds.raw_overrides.values()])))


def bounds_of(organization_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Bounds]:
    """Return what holds in each of the organizations: its policy, else the settings, and the overrides."""
    wanted = set(organization_ids)
    policies = {policy.organization_id: policy for policy in Policy.objects.filter(organization__in=wanted)}
    raw: dict[uuid.UUID, dict[int, int]] = {}
    rollup: dict[uuid.UUID, dict[int, int]] = {}
    # Of deleted metrics, too: they may come back.
    overridden = Metric.objects.filter(Q(raw_days__isnull=False) | Q(rollup_days__isnull=False))
    rows = overridden.filter(organization__in=wanted).values_list(
        "organization_id", "number", "raw_days", "rollup_days"
    )
    for owner, number, raw_days, rollup_days in rows:
        if raw_days is not None:
            raw.setdefault(owner, {})[number] = raw_days
        if rollup_days is not None:
            rollup.setdefault(owner, {})[number] = rollup_days
    return {
        owner: _bounds(policies.get(owner), raw.get(owner, {}), rollup.get(owner, {})) for owner in wanted
    }


def _bounds(policy: Policy | None, raw: Mapping[int, int], rollup: Mapping[int, int]) -> Bounds:
    if policy is None:
        return Bounds(
            settings.METRICS_SKEW_PAST_S,
            settings.METRICS_RAW_DAYS,
            settings.METRICS_ROLLUP_15M_DAYS,
            settings.METRICS_ROLLUP_1H_DAYS,
            raw,
            rollup,
        )
    return Bounds(
        policy.skew_past_s, policy.raw_days, policy.rollup_15m_days, policy.rollup_1h_days, raw, rollup
    )


def _past(numbers: Iterable[int], is_past: Callable[[int | None], bool]) -> Past:
    of_most = is_past(None)
    return Past(of_most, frozenset(number for number in numbers if is_past(number) != of_most))
