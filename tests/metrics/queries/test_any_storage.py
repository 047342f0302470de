"""An answer is a function of the set of points: against a plain reference, wherever the points lie."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.metrics.calendar.intervals import bucket_edges, parse_interval
from apps.metrics.calendar.windows import Window, instant_us, parse_zone
from apps.metrics.metric_types import MetricType
from apps.metrics.queries.formats import json_answer
from apps.metrics.queries.series import SeriesAnswer, SeriesQuery, answer_query
from tests.furniture.people import Actors
from tests.metrics.queries.stored import make_metric, write_compacted, write_pending

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
START = instant_us(dt.datetime(2026, 1, 10, tzinfo=dt.UTC))
HOUR = 3_600_000_000
EXACT = ("sum", "avg", "min", "max", "count", "first", "last", "rate")
PERCENTILES = ("p0", "p50", "p95", "p99.9", "p100")
KEYS = ("a", "b;k=v", "c")
INTERVALS = ("minute", "7m", "15m", "20m", "hour", "90m", "3h", "day", "3d", "week", "month")
ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia")

Point = tuple[int, int, float]


def zeroed(value: float) -> float:
    """Return a value as it is stored: there is one zero."""
    return value + 0.0


# Few instants and values, so that equal ones meet; and some that nothing is aligned to.
instants = st.one_of(
    st.integers(0, 60).map(lambda quarter: quarter * HOUR // 4),
    st.integers(0, 15 * HOUR),
    st.sampled_from([0, HOUR - 1, HOUR, 7 * HOUR + 1]),
)
numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e16, -1e16, 0.1, 5.0, 1e-280]),
    st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-280).map(zeroed),
)
points = st.lists(st.tuples(st.integers(0, 2), instants, numbers), max_size=60)


def store(metrics: Any, found: list[Point], places: list[int]) -> None:
    """Put each point where its place says: one of two segments, or one of two compactions."""
    by_place: dict[int, list[Point]] = defaultdict(list)
    for point, place in zip(found, places, strict=True):
        by_place[place].append(point)
    for place, members in by_place.items():
        columns = [
            (
                metric,
                [START + at for owner, at, _ in members if owner == number],
                [value for owner, _, value in members if owner == number],
            )
            for number, metric in enumerate(metrics)
        ]
        filled_columns = [each for each in columns if each[1]]
        if place < 2:
            write_pending(filled_columns)
        else:
            for each in filled_columns:
                write_compacted(*each)


def expected(found: list[tuple[int, float]], aggregation: str, seconds: float) -> float:
    """Return an aggregation of the points of one bucket, slowly."""
    ordered = sorted(found)
    values = [value for _, value in ordered]
    total = sum((Fraction(value) for value in values), Fraction())
    simple = {
        "sum": float(total),
        "avg": float(total) / len(values),
        "min": min(values),
        "max": max(values),
        "count": len(values),
        "first": values[0],
        "last": values[-1],
        "rate": float(total) / seconds,
    }
    if aggregation in simple:
        return simple[aggregation]
    q = Fraction(aggregation[1:]) / 100
    return sorted(values)[int(q * (len(values) - 1))]


def reference(found: list[tuple[int, float]], query: SeriesQuery, aggregation: str) -> dict[int, float]:
    """Return what a series holds, bucket by bucket."""
    assert isinstance(query.start, int)
    assert isinstance(query.end, int)
    window = Window(query.start, query.end)
    edges = bucket_edges(window, parse_interval(query.interval), parse_zone(query.zone)).tolist()
    buckets: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for at, value in found:
        if window.start <= at < window.end:
            buckets[bisect_right(edges, at) - 1].append((at, value))
    seconds = {
        bucket: (min(edges[bucket + 1], window.end) - max(edges[bucket], window.start)) / 1_000_000
        for bucket in buckets
    }
    return {
        edges[bucket]: expected(members, aggregation, seconds[bucket])
        for bucket, members in sorted(buckets.items())
    }


def without_ids(answer: SeriesAnswer) -> bytes:
    """Return an answer's bytes; each metric is made anew."""
    return json_answer(replace(answer, series=[replace(each, id=None) for each in answer.series]))


def shown(answer: SeriesAnswer, key: str, aggregation: str) -> dict[int, float]:
    (series,) = [each for each in answer.series if (each.metric, each.aggregation) == (key, aggregation)]
    return dict(zip(series.at.tolist(), series.values.tolist(), strict=True))


@contextmanager
def undone() -> Iterator[None]:
    """Take back what happens to the database inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answers_of(
    actors: Actors, query: SeriesQuery, found: list[Point], places: list[int], *asked: tuple[str, ...]
) -> list[SeriesAnswer]:
    """Return an answer for each set of aggregations, with the points where their places say."""
    with undone():
        metrics = [make_metric(actors.organization, key, MetricType.COUNTER) for key in KEYS]
        store(metrics, found, places)
        return [
            answer_query(actor=actors.viewer.actor, query=replace(query, aggregations=each), now=NOW)
            for each in asked
        ]


def many(random: Random) -> list[Point]:
    """Return points in every quarter of some hours: what one list of Hypothesis hardly ever holds."""
    return [
        (random.randrange(3), random.randrange(15 * HOUR), random.choice([1.0, 0.25, -3.0, 1e15, 7e-9]))
        for _ in range(random.choice([0, 50, 200]))
    ]


@st.composite
def queries(draw: st.DrawFn) -> SeriesQuery:
    """Return a query of any window, interval and zone."""
    start, end = draw(st.tuples(instants, instants).filter(lambda pair: pair[0] < pair[1]))
    return SeriesQuery(
        start=START + start,
        end=START + end,
        interval=draw(st.sampled_from(INTERVALS)),
        zone=draw(st.sampled_from(ZONES)),
        metrics=KEYS,
        exact=draw(st.booleans()),
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(few=points, seed=st.integers(0, 1 << 32), query=queries())
def test_answers_equal_a_plain_reference_in_any_state_of_storage(
    actors: Actors, few: list[Point], seed: int, query: SeriesQuery
) -> None:
    assert actors.viewer.actor  # made outside of what is taken back
    random = Random(seed)
    found = [*few, *many(random)]
    places = [random.randrange(4) for _ in found]
    exact, percentiles = answers_of(actors, query, found, places, EXACT, PERCENTILES)
    for place in (0, 2):
        others = answers_of(actors, query, found, [place] * len(found), EXACT, PERCENTILES)
        assert [without_ids(answer) for answer in others] == [without_ids(exact), without_ids(percentiles)]
    for number, key in enumerate(KEYS):
        own = [(START + at, value) for owner, at, value in found if owner == number]
        for aggregation in EXACT:
            assert shown(exact, key, aggregation) == reference(own, query, aggregation), aggregation
        for aggregation in PERCENTILES:
            right, near = reference(own, query, aggregation), shown(percentiles, key, aggregation)
            assert near.keys() == right.keys()
            if query.exact or parse_interval(query.interval).is_finer_than_quarter:
                assert near == right
            for at, value in near.items():
                assert abs(value - right[at]) <= 0.01 * (1 + 1e-12) * abs(right[at])
