"""The whole way: however points are split, ordered and compacted, every answer is that of one fresh batch."""

import datetime as dt
from dataclasses import replace
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.metrics import compaction
from apps.metrics.calendar.windows import instant_us
from apps.metrics.compaction.closing import close_days
from apps.metrics.compaction.rebuilding import Scope
from apps.metrics.compaction.verification import verify
from apps.metrics.queries.filling import Fill
from apps.metrics.queries.formats import json_answer
from apps.metrics.queries.series import SeriesAnswer, SeriesQuery, answer_query
from apps.metrics.recording import record_points
from tests.factories.accounts import OrganizationFactory
from tests.metrics.batches import PointRow, parsed

NOW: Final = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
START: Final = instant_us(dt.datetime(2026, 1, 4, tzinfo=dt.UTC))
QUARTER: Final = 900_000_000
KEYS: Final = ("a", "a.b", "c;host=x")
QUERIES: Final = (
    SeriesQuery(start=START, metrics=KEYS, interval="hour", aggregations=("sum", "count", "first", "last")),
    SeriesQuery(start=START + 7, metrics=KEYS, interval="20m", aggregations=("min", "max", "avg"), gaps=True),
    SeriesQuery(start=START, metrics=KEYS, interval="day", aggregations=("p50", "p99"), fill=Fill.NULL),
    SeriesQuery(start=START, metrics=KEYS, interval="week", aggregations=("sum", "p95"), group_by=()),
    SeriesQuery(start=START, metrics=KEYS, interval="6h", aggregations=("p5", "sum"), exact=True),
)

instants = st.one_of(
    st.integers(0, 900).map(lambda number: START + number * QUARTER),
    st.integers(0, 9 * 96 * QUARTER).map(lambda offset: START + offset),
)
values = st.one_of(
    st.sampled_from([0.0, 1.0, 1e16, -1e16, 0.1, -0.3, 1e-280]),
    st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda value: value + 0.0),
)
points = st.lists(st.tuples(st.sampled_from(KEYS), instants, values), min_size=1, max_size=50)


def record(organization: Organization, rows: list[PointRow]) -> None:
    record_points(actor=system_actor(organization), parsed=parsed(rows), received_at_us=instant_us(NOW))


def answers(organization: Organization, rows: list[PointRow]) -> list[bytes]:
    """Return the answers to all questions; ids, which differ between organizations, left out."""
    named = tuple(dict.fromkeys(key for key, _at, _value in rows))
    found = []
    for query in QUERIES:
        asked = replace(query, metrics=named, end=instant_us(NOW))
        answer = answer_query(actor=system_actor(organization), query=asked, now=NOW)
        series = [replace(each, id=None) for each in answer.series]
        found.append(json_answer(SeriesAnswer(answer.window, answer.interval, answer.zone, series)))
    return found


@pytest.mark.django_db(transaction=True)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(rows=points, seed=st.integers(0, 2**32))
def test_every_answer_is_that_of_one_fresh_batch(rows: list[PointRow], seed: int) -> None:
    """Proof 1."""
    random = Random(seed)
    fresh, worn = OrganizationFactory.create(), OrganizationFactory.create()
    record(fresh, rows)
    expected = answers(fresh, rows)
    shuffled = random.sample(rows, len(rows))
    while shuffled:
        size = random.randint(1, len(shuffled))
        record(worn, shuffled[:size])
        shuffled = shuffled[size:]
        if random.random() < 0.5:
            compaction.compact_everything(worn.pk, until_empty=False)
    assert answers(worn, rows) == expected
    compaction.compact_everything(worn.pk)
    close_days(now=NOW)
    assert answers(worn, rows) == expected
    assert not verify(scope=Scope(organization_id=worn.pk), now=NOW).findings


@pytest.mark.django_db(transaction=True)
def test_many_small_compactions_of_one_day_merge_and_change_nothing() -> None:
    organization, fresh = OrganizationFactory.create(), OrganizationFactory.create()
    rows = [("a", START + number * 1_000_003, float(number % 7) / 10) for number in range(200)]
    record(fresh, rows)
    for first in range(0, len(rows), 10):
        record(organization, rows[first : first + 10])
        compaction.compact_everything(organization.pk)
    assert answers(organization, rows) == answers(fresh, rows)
