"""The points of one metric, page by page, over HTTP."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from apps.metrics.calendar.windows import instant_us
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, PointChunk
from tests.furniture.people import Actors
from tests.metrics.queries.stored import make_metric, write_compacted, write_pending

pytestmark = pytest.mark.django_db

HOUR = 3_600_000_000
MIDNIGHT = instant_us(dt.datetime(2026, 1, 14, tzinfo=dt.UTC))


@pytest.fixture
def counter(actors: Actors, clock: time_machine.Traveller) -> Metric:
    """Give a counter with points in the first, second and fourth hour."""
    metric = make_metric(actors.organization, "jobs;host=a", MetricType.COUNTER)
    write_pending([(metric, [MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR], [5, 1, 2, 4])])
    return metric


def pages(actors: Actors, metric: Metric, **parameters: Any) -> list[list[tuple[str, float]]]:
    found = []
    response = actors.viewer.api.get(f"/api/v1/metrics/{metric.pk}/points", parameters)
    while True:
        assert response.status_code == 200, response.content
        body = response.json()
        found.append([(each["recorded_at"], each["value"]) for each in body["results"]])
        if body["next"] is None:
            return found
        response = actors.viewer.api.get(body["next"])


def test_pages_hold_all_points_once_also_equal_ones(actors: Actors, clock: Any) -> None:
    metric = make_metric(actors.organization, "many")
    same = [MIDNIGHT] * 7
    write_compacted(metric, [*same, MIDNIGHT - 30 * HOUR], [1] * 8)
    write_pending([(metric, [*same, MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT - 60 * HOUR], [1] * 7 + [0, 3, 9])])
    (whole,) = pages(actors, metric)
    assert len(whole) == 18
    assert whole == sorted(whole)
    for size in (1, 2, 3, 5, 17, 18):
        cut = pages(actors, metric, page_size=size)
        assert [len(page) for page in cut[:-1]] == [size] * (len(cut) - 1)
        assert [point for page in cut for point in page] == whole


def test_pages_lead_back_the_way_they_came(actors: Actors, clock: Any) -> None:
    metric = make_metric(actors.organization, "many")
    write_compacted(metric, [MIDNIGHT - day * 24 * HOUR for day in range(5) for _ in range(4)], [1] * 20)
    write_pending([(metric, [MIDNIGHT] * 3, [1] * 3)])
    url: str | None = f"/api/v1/metrics/{metric.pk}/points?page_size=5"
    seen = []
    while url is not None:
        body = actors.viewer.api.get(url).json()
        seen.append(body)
        url = body["next"]
    assert [len(body["results"]) for body in seen] == [5, 5, 5, 5, 3]
    back = seen[-1]["previous"]
    for body in seen[-2::-1]:
        found = actors.viewer.api.get(back).json()
        assert found["results"] == body["results"]
        back = found["previous"]
    assert back is None
    assert actors.viewer.api.get(seen[1]["previous"]).json()["next"]


def test_points_are_those_of_the_window(actors: Actors, counter: Metric) -> None:
    found = pages(actors, counter, **{"from": "2026-01-14T01:00:00Z", "to": "2026-01-14T03:00:00Z"})
    assert found == [[("2026-01-14T01:00:00Z", 1), ("2026-01-14T01:00:00Z", 2)]]
    assert pages(actors, counter, **{"from": "-1h"}) == [[]]


def test_points_past_retention_are_refused_and_left_out(actors: Actors, counter: Metric) -> None:
    url = f"/api/v1/metrics/{counter.pk}/points"
    found = actors.viewer.api.get(url, {"from": "-91d"})
    assert (found.status_code, found.json()["code"]) == (422, "metrics.raw_expired")
    write_pending([(counter, [MIDNIGHT - 95 * 24 * HOUR], [1])])
    assert len(pages(actors, counter)[0]) == 4


def test_a_cursor_belongs_to_its_metric(actors: Actors, counter: Metric) -> None:
    other = make_metric(actors.organization, "other")
    cursor = actors.viewer.api.get(f"/api/v1/metrics/{counter.pk}/points?page_size=1").json()["next"]
    wrong = actors.viewer.api.get(cursor.replace(str(counter.pk), str(other.pk)))
    assert (wrong.status_code, wrong.json()["code"]) == (400, "request.cursor_invalid")


def test_points_of_strangers_are_not_there(actors: Actors, counter: Metric) -> None:
    url = f"/api/v1/metrics/{counter.pk}/points"
    assert actors.stranger.api.get(url).status_code == 404
    assert actors.anonymous.api.get(url).status_code == 401
    assert PointChunk.objects.count() == 0
