"""Lists of metrics run the same number of queries for one and for twenty rows."""

import datetime as dt
from itertools import count

import pytest

from tests.factories.metrics import create_metric, keep, send
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize("sort", ["metric", "last_received_at"])
def test_metrics(actors: Actors, same_queries: Check, sort: str) -> None:
    numbers = count()

    def make() -> None:
        row = create_metric(actors.organization, f"m{next(numbers)};host=a")
        keep(row, [(NOON, 1.0)], received_at=NOON)

    path = f"/api/v1/metrics?sort={sort}&tag=host:a&prefix=m"
    same_queries("GET /api/v1/metrics", make, lambda: actors.viewer.api.get(path))


def test_the_tree(actors: Actors, same_queries: Check) -> None:
    numbers = count()

    def make() -> None:
        create_metric(actors.organization, f"m{next(numbers)}.x")

    same_queries("GET /api/v1/metrics/tree", make, lambda: actors.viewer.api.get("/api/v1/metrics/tree"))


def test_the_overview(actors: Actors, same_queries: Check) -> None:
    numbers = count()

    def make() -> None:
        row = create_metric(actors.organization, f"m{next(numbers)}")
        send([(row, NOON, 1.0)])

    same_queries(
        "GET /api/v1/metrics/overview", make, lambda: actors.viewer.api.get("/api/v1/metrics/overview")
    )
