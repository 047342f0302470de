"""How far back single points and rollup rows are read: retention as a query sees it.

Cuts lie on UTC midnights. What is older is not read, whether it has been dropped already or not, so that an
answer does not depend on when the retention job ran.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.common.errors import FieldError, Invalid
from apps.common.serializers import rfc3339
from apps.metrics.calendar.intervals import QUARTER_US, Instants
from apps.metrics.calendar.windows import DAY_US, HOUR_US, MIN_US, Window, aware
from apps.metrics.queries.selection import ChosenMetric


class RawExpired(Invalid):
    """Single points are not kept for so long.

    What is older is kept by the quarter of an hour: ask for wider buckets, or for a later start.
    """

    code = "metrics.raw_expired"


@dataclass(frozen=True, slots=True)
class Horizon:
    """The earliest instants of which there are single points, and rows of 15 minutes."""

    raw_from: int
    quarters_from: int

    def step_at(self, at: int) -> int:
        """Return how fine the past is known at an instant: 1 where every point is kept."""
        if at >= self.raw_from:
            return 1
        return QUARTER_US if at >= self.quarters_from else HOUR_US


def horizon_of(metrics: Iterable[ChosenMetric], now_us: int) -> Horizon:
    """Return what holds for all of some metrics: the shortest of their retentions."""
    days = {(metric.raw_days, metric.rollup_15m_days) for metric in metrics}
    raw = max((_cut(raw_days, now_us) for raw_days, _ in days), default=MIN_US)
    quarters = max((_cut(quarter_days, now_us) for _, quarter_days in days), default=MIN_US)
    return Horizon(raw, min(raw, quarters))


def grow_window(window: Window, horizon: Horizon) -> Window:
    """Return the window with its ends moved out to where the past can be cut."""
    step = horizon.step_at(window.start)
    grown = replace(window, start=window.start // step * step)
    if window.end >= horizon.raw_from:
        return grown
    step = horizon.step_at(window.end)
    return replace(grown, end=-(-window.end // step) * step)


def check_window(window: Window) -> None:
    """Raise Invalid if no instant lies in the window."""
    if window.start >= window.end:
        detail = "The window ends before it starts, or is empty."
        raise Invalid(errors=[FieldError(detail, parameter="to")])


def check_raw(window: Window, horizon: Horizon) -> None:
    """Raise RawExpired unless there are single points in the whole window."""
    if window.start < horizon.raw_from:
        raise _expired(horizon)


def check_edges(edges: Instants, window: Window, horizon: Horizon) -> None:
    """Raise RawExpired if buckets cut the past more finely than it is known."""
    inside = edges[(edges > window.start) & (edges < window.end)]
    by_quarter = inside[(inside >= horizon.quarters_from) & (inside < horizon.raw_from)]
    by_hour = inside[inside < horizon.quarters_from]
    if (by_quarter % QUARTER_US).any() or (by_hour % HOUR_US).any():
        raise _expired(horizon)


def _cut(days: int, now_us: int) -> int:
    return (now_us // DAY_US - days) * DAY_US if days else MIN_US


def _expired(horizon: Horizon) -> RawExpired:
    earliest = rfc3339(aware(horizon.raw_from))
    detail = f"For this interval the window starts at {earliest} at the earliest."
    return RawExpired(
        detail,
        errors=[FieldError(detail, code="raw_expired", parameter="from")],
        extra={"earliest_from": earliest},
    )
