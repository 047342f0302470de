"""Series of numbers by bucket: a question, its plan, its answer.

An answer is a function of the set of points in its window: byte by byte the same whether they lie in
segments, chunks or rollup rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from apps.accounts.permissions import Actor
from apps.common.errors import FieldError, Invalid
from apps.metrics.calendar.intervals import (
    AUTO,
    LADDER,
    Instants,
    Interval,
    bucket_edges,
    choose_interval,
    fits,
    parse_interval,
)
from apps.metrics.calendar.windows import NOW, Ago, Moment, Window, instant_us, parse_zone, resolve_window
from apps.metrics.codec.arrays import Float64s, Int64s
from apps.metrics.codec.payloads import CorruptPayload
from apps.metrics.metric_types import MetricType
from apps.metrics.queries.aggregations import (
    SKETCH_ERROR,
    Aggregation,
    Statistic,
    needs_of,
    parse_aggregation,
)
from apps.metrics.queries.cells import Cells
from apps.metrics.queries.cover import cover_window
from apps.metrics.queries.filling import Fill, filled, gaps_of
from apps.metrics.queries.gathering import Gathered, Layout, ScanLimit, gather, report_sketch
from apps.metrics.queries.horizons import (
    Horizon,
    check_edges,
    check_raw,
    check_window,
    grow_window,
    horizon_of,
)
from apps.metrics.queries.selection import ChosenMetric, ChosenSeries, choose_metrics, make_series

ResultT = TypeVar("ResultT")

MAX_BUCKETS: Final = 11_000
MAX_SERIES: Final = 1_000
MAX_VALUES: Final = 1_000_000
DEFAULT_INTERVAL: Final = "hour"
DEFAULT_MAX_POINTS: Final = 500


class IntervalTooFine(Invalid):
    """The window has more than 11,000 buckets of this width.

    The answer names the smallest of the usual intervals that fits.
    """

    code = "metrics.interval_too_fine"


class TooManySeries(Invalid):
    """The answer would have more than 1,000 series.

    Narrow the pattern, or merge metrics with `group_by`.
    """

    code = "metrics.too_many_series"


class NotApplicable(Invalid):
    """The aggregation does not apply to metrics of this type: only counters have a rate."""

    code = "metrics.not_applicable"


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """A question, as the parameters of `/metrics/query` ask it.

    No aggregations mean the default of each metric's type. `group_by` of () merges all metrics, of None none.
    """

    start: Moment
    end: Moment = NOW
    metrics: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    interval: str = DEFAULT_INTERVAL
    max_points: int = DEFAULT_MAX_POINTS
    zone: str = "UTC"
    aggregations: tuple[str, ...] = ()
    fill: Fill = Fill.NONE
    group_by: tuple[str, ...] | None = None
    exact: bool = False
    gaps: bool = False

    @property
    def is_moving(self) -> bool:
        """Tell whether the window depends on the time at which it is asked for."""
        return isinstance(self.start, Ago) or isinstance(self.end, Ago)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The numbers of one aggregation of one metric, or of one group of metrics.

    at: starts of buckets, ascending; values beside them, NaN for null; partial: those of `at` that the window
    cuts; gaps: pairs of instants, None if not asked for. `group` is None where nothing was merged.
    """

    metric: str | None
    id: str | None
    type: MetricType
    unit: str
    group: Mapping[str, str | None] | None
    aggregation: str
    exact: bool
    relative_error: float
    at: Instants
    values: Float64s
    partial: Instants
    gaps: Int64s | None


@dataclass(frozen=True, slots=True, eq=False)
class SeriesAnswer:
    """An answer; its window may be wider than asked for, where single points are no longer kept."""

    window: Window
    interval: str
    zone: str
    series: Sequence[Series]


@dataclass(frozen=True, slots=True, eq=False)
class QueryPlan:
    """A question that can be answered: its metrics, and what the window turned out to be."""

    query: SeriesQuery
    metrics: Sequence[ChosenMetric]
    series: Sequence[ChosenSeries]
    aggregations: Sequence[Aggregation]
    zone: ZoneInfo
    interval: Interval
    window: Window
    horizon: Horizon
    edges: Instants

    @property
    def is_exact(self) -> bool:
        """Tell whether percentiles are those of single points."""
        return self.query.exact or self.interval.is_finer_than_quarter

    def aggregations_of(self, series: ChosenSeries) -> Sequence[Aggregation]:
        """Return what is asked of a series."""
        return self.aggregations or (parse_aggregation(series.type.default_aggregation),)


def answer_query(*, actor: Actor, query: SeriesQuery, now: datetime) -> SeriesAnswer:
    """Return the series that a question is about, by key, for each its aggregations. Two queries.

    Raises what `plan_query` and `run_plan` raise.
    """
    return run_plan(plan_query(actor=actor, query=query, now=now))


def plan_query(*, actor: Actor, query: SeriesQuery, now: datetime) -> QueryPlan:
    """Return how a question is answered, no point read. One query.

    Raises Invalid, MetricUnknown, InvalidPattern, MixedTypes, NotApplicable, IntervalTooFine, RawExpired.
    """
    return plan_for(choose_metrics(actor, query.metrics, query.match), query, instant_us(now))


def plan_for(metrics: Sequence[ChosenMetric], query: SeriesQuery, now_us: int) -> QueryPlan:
    """Return how a question about these metrics is answered; raises what `plan_query` raises but NotFound."""
    zone = _parsed("zone", parse_zone, query.zone)
    aggregations = tuple(_parsed("aggregation", parse_aggregation, text) for text in query.aggregations)
    series = make_series(metrics, query.metrics, query.group_by)
    _check_rates(series, aggregations)
    window = resolve_window(query.start, query.end, zone, now_us)
    check_window(window)
    horizon = horizon_of(metrics, now_us)
    interval = _interval(query, window, zone, horizon)
    _check_bucket_count(window, interval, zone)
    if query.exact or interval.is_finer_than_quarter:
        check_raw(window, horizon)
    window = grow_window(window, horizon)
    edges = bucket_edges(window, interval, zone)
    check_edges(edges, window, horizon)
    return QueryPlan(query, metrics, series, aggregations, zone, interval, window, horizon, edges)


def run_plan(plan: QueryPlan) -> SeriesAnswer:
    """Return the answer. One query.

    Raises ScanLimit, TooManySeries, QueryTimeout, StoredPointsCorrupt.
    """
    found: list[Series] = []
    if plan.metrics:
        has_percentiles = any(each.is_percentile for each in plan.aggregations)
        cover = cover_window(plan.edges, plan.window, with_rollups=not (plan.is_exact and has_percentiles))
        layout = Layout([[metric.number for metric in each.metrics] for each in plan.series], plan.edges)
        need = needs_of(each for series in plan.series for each in plan.aggregations_of(series))
        gathered = gather(plan.metrics, layout, plan.window, cover, need, with_first_points=plan.query.gaps)
        found = _series(plan, gathered)
    return SeriesAnswer(plan.window, plan.interval.text, plan.query.zone, found)


def _series(plan: QueryPlan, gathered: Gathered) -> list[Series]:
    cells = Cells(gathered.points, gathered.rows, is_exact=plan.is_exact)
    buckets = len(plan.edges) - 1
    owners = cells.numbers // buckets
    bounds = np.searchsorted(owners, np.arange(len(plan.series) + 1)).tolist()
    _check_size(plan, bounds)
    inside = np.diff(np.clip(plan.edges, plan.window.start, plan.window.end))
    bucket_us = inside[cells.numbers - owners * buckets]
    columns = {}
    try:
        for each in {one for series in plan.series for one in plan.aggregations_of(series)}:
            columns[each] = cells.values(each, bucket_us)
    except CorruptPayload as error:
        report_sketch(gathered.rows, plan.metrics, error)
    found: list[Series] = []
    for number, chosen in enumerate(plan.series):
        first, last = bounds[number], bounds[number + 1]
        if first < last or chosen.is_named:
            places = cells.numbers[first:last] - number * buckets
            values = [(each, columns[each][first:last]) for each in plan.aggregations_of(chosen)]
            found.extend(_of_one(plan, chosen, places, values, gathered.first_points))
    return found


def _of_one(
    plan: QueryPlan,
    chosen: ChosenSeries,
    buckets: Int64s,
    columns: Sequence[tuple[Aggregation, Float64s]],
    first_points: Mapping[int, int],
) -> list[Series]:
    """Return the series of one metric or group, one for each aggregation."""
    edges, window = plan.edges, plan.window
    gaps = None
    if plan.query.gaps:
        known = [first_points[metric.number] for metric in chosen.metrics if metric.number in first_points]
        gaps = gaps_of(np.clip(edges, window.start, window.end), buckets, min(known, default=None))
    shown = buckets if plan.query.fill is Fill.NONE else np.arange(len(edges) - 1)
    at = edges[shown]
    is_cut = (at < window.start) | (edges[shown + 1] > window.end)
    metric = chosen.metrics[0] if chosen.group is None else None
    return [
        Series(
            metric=None if metric is None else metric.key,
            id=None if metric is None else str(metric.id),
            type=chosen.type,
            unit=chosen.unit,
            group=chosen.group,
            aggregation=aggregation.text,
            exact=plan.is_exact or not aggregation.is_percentile,
            relative_error=0.0 if plan.is_exact or not aggregation.is_percentile else SKETCH_ERROR,
            at=at,
            values=filled(plan.query.fill, len(edges) - 1, buckets, values),
            partial=at[is_cut],
            gaps=gaps,
        )
        for aggregation, values in columns
    ]


def _interval(query: SeriesQuery, window: Window, zone: ZoneInfo, horizon: Horizon) -> Interval:
    if query.interval != AUTO:
        return _parsed("interval", parse_interval, query.interval)
    is_expired = window.start < horizon.raw_from and not query.exact
    ladder = [step for step in LADDER if not (is_expired and step.is_finer_than_quarter)]
    return choose_interval(window, zone, query.max_points, ladder=ladder)


def _check_bucket_count(window: Window, interval: Interval, zone: ZoneInfo) -> None:
    if not fits(window, interval, zone, MAX_BUCKETS):
        fitting = choose_interval(window, zone, MAX_BUCKETS).text
        detail = (
            f"There are more than {MAX_BUCKETS} such buckets; the smallest interval that fits is {fitting}."
        )
        item = FieldError(detail, code="interval_too_fine", parameter="interval")
        raise IntervalTooFine(detail, errors=[item], extra={"smallest_interval": fitting})


def _check_rates(series: Sequence[ChosenSeries], aggregations: Sequence[Aggregation]) -> None:
    if any(each.statistic is Statistic.RATE for each in aggregations):
        values = [chosen for chosen in series if chosen.type is MetricType.VALUE]
        if values:
            detail = f"{values[0].metrics[0].key} is no counter, and so has no rate."
            raise NotApplicable(detail, errors=[FieldError(detail, parameter="aggregation")])


def _check_size(plan: QueryPlan, bounds: Sequence[int]) -> None:
    """Raise TooManySeries or ScanLimit before an answer of that size is made."""
    each = max(len(plan.aggregations), 1)
    sizes = [last - first for first, last in pairwise(bounds)]
    shown = [size for size, chosen in zip(sizes, plan.series, strict=True) if size or chosen.is_named]
    if len(shown) * each > MAX_SERIES:
        raise TooManySeries
    values = sum(shown) if plan.query.fill is Fill.NONE else len(shown) * (len(plan.edges) - 1)
    if values * each > MAX_VALUES:
        raise ScanLimit


def _parsed(parameter: str, parse: Callable[[str], ResultT], text: str) -> ResultT:
    try:
        return parse(text)
    except ValueError as error:
        detail = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise Invalid(errors=[FieldError(detail, parameter=parameter)]) from error
