"""Single points of a metric, page by page, in order of (time, value).

Equal points are all kept, so a place among them is told by how many of the equal ones come before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

import numpy as np

from apps.metrics.calendar.intervals import Instants
from apps.metrics.calendar.windows import DAY_US, MAX_US, Moment, Window, parse_zone, resolve_window
from apps.metrics.codec.arrays import Float64s
from apps.metrics.models import Metric
from apps.metrics.queries.formats import encode_json, plain_numbers
from apps.metrics.queries.gathering import points_of, read_window, timed
from apps.metrics.queries.horizons import check_raw, check_window, horizon_of
from apps.metrics.queries.selection import ChosenMetric, chosen_metric
from apps.metrics.storage.reading import Request, points_by_day

MAX_PAGE: Final = 10_000
DEFAULT_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place between points: after the first `equals` of those with this time and value."""

    at: int
    value: float
    equals: int


@dataclass(frozen=True, slots=True, eq=False)
class PointPage:
    """Points by (time, value), and the places where the pages beside this one begin; None for no page."""

    times: Instants
    values: Float64s
    next: Place | None
    previous: Place | None


def read_points(
    metric: Metric,
    *,
    start: Moment | None,
    end: Moment | None,
    now_us: int,
    size: int = DEFAULT_PAGE,
    place: Place | None = None,
    is_backward: bool = False,
) -> PointPage:
    """Return a page of the points in a window; without a start all that are kept.

    Raises Invalid for an empty window, RawExpired, ScanLimit, QueryTimeout, StoredPointsCorrupt. Three
    queries, more where a page is filled from pending points and several days.
    """
    chosen = chosen_metric(metric)
    horizon = horizon_of([chosen], now_us)
    window = resolve_window(
        horizon.raw_from if start is None else start,
        MAX_US if end is None else end,
        parse_zone("UTC"),
        now_us,
    )
    check_window(window)
    check_raw(window, horizon)
    reader = _Reader(chosen, window, size)
    return reader.page_before(place) if is_backward and place else reader.page_after(place)


class _Reader:
    """Reads one page; points of one instant are always read together."""

    def __init__(self, metric: ChosenMetric, window: Window, size: int) -> None:
        self._metric = metric
        self._window = window
        self._size = size

    def page_after(self, place: Place | None) -> PointPage:
        """Return the page that follows a place, the first one for None."""
        window = self._window
        if place is not None:
            window = replace(window, start=max(window.start, place.at))
        found = _Sorted(np.empty(0, np.int64), np.empty(0))
        for span in self._spans(window):
            found = found.followed_by(self._read(span))
            first = found.index_of(place) if place else 0
            if len(found.times) > first + self._size:
                break
        first = found.index_of(place) if place else 0
        last = min(first + self._size, len(found.times))
        return found.page(first, last, has_next=last < len(found.times), has_previous=place is not None)

    def page_before(self, place: Place) -> PointPage:
        """Return the page that ends at a place."""
        window = replace(self._window, end=min(self._window.end, place.at + 1))
        found = _Sorted(np.empty(0, np.int64), np.empty(0))
        for span in reversed(list(self._spans(window))):
            found = self._read(span).followed_by(found)
            if found.index_of(place) > self._size:
                break
        last = found.index_of(place)
        first = max(last - self._size, 0)
        return found.page(first, last, has_next=True, has_previous=first > 0)

    def _spans(self, window: Window) -> Iterator[Window]:
        """Yield the window in parts of whole days, of which most have enough compacted points for a page."""
        with timed():
            counts = points_by_day(self._metric.shard_id, self._metric.number, (window.start, window.end))
        start = window.start
        since = 0
        for (day, _), total in zip(counts, accumulate(count for _, count in counts), strict=True):
            end = day + DAY_US
            if total - since > self._size and start < end < window.end:
                yield Window(start, end)
                start, since = end, total
        if start < window.end:
            yield Window(start, window.end)

    def _read(self, span: Window) -> "_Sorted":
        bounds = (span.start, span.end)
        stored = read_window(
            Request(numbers={self._metric.shard_id: [self._metric.number]}, window=bounds, raw=[bounds])
        )
        parts = points_of(stored, [self._metric], span, [bounds])
        times = np.concatenate([np.empty(0, np.int64), *(part.times for part in parts)])
        values = np.concatenate([np.empty(0), *(part.values for part in parts)])
        order = np.lexsort((values, times))
        return _Sorted(times[order], values[order])


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """Points by (time, value)."""

    times: Instants
    values: Float64s

    def followed_by(self, later: "_Sorted") -> "_Sorted":
        """Return these and later points."""
        times = np.concatenate((self.times, later.times))
        return _Sorted(times, np.concatenate((self.values, later.values)))

    def index_of(self, place: Place) -> int:
        """Return how many points come before a place."""
        first, last = self._equals(place.at, place.value)
        return min(first + place.equals, last)

    def page(self, first: int, last: int, *, has_next: bool, has_previous: bool) -> PointPage:
        """Return the points from one index up to another."""
        is_empty = first >= last
        return PointPage(
            self.times[first:last],
            self.values[first:last],
            None if is_empty or not has_next else self._place(last - 1, last),
            None if is_empty or not has_previous else self._place(first, first),
        )

    def _place(self, point: int, index: int) -> Place:
        """Return the place at an index, told by a point beside it."""
        at, value = int(self.times[point]), float(self.values[point])
        return Place(at, value, index - self._equals(at, value)[0])

    def _equals(self, at: int, value: float) -> tuple[int, int]:
        first, last = np.searchsorted(self.times, (at, at + 1)).tolist()
        inside = self.values[first:last]
        low, high = np.searchsorted(inside, value, "left"), np.searchsorted(inside, value, "right")
        return first + int(low), first + int(high)


def encode_points(page: PointPage, links: dict[str, Any]) -> bytes:
    """Return a page as JSON."""
    numbers = plain_numbers(page.values)
    instants = list(page.times.astype("datetime64[us]"))
    rows = [{"recorded_at": at, "value": value} for at, value in zip(instants, numbers, strict=True)]
    return encode_json({"results": rows, **links})
