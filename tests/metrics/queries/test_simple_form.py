"""The simple form: the buckets of one metric as rows."""

from typing import Any

import pytest

from apps.common.errors import Invalid
from apps.metrics.api.query_parameters import SimpleParameters
from apps.metrics.api.query_simple import simple_data
from apps.metrics.calendar.windows import instant_us
from apps.metrics.metric_types import MetricType
from tests.furniture.clock import NOON
from tests.furniture.people import Actors
from tests.metrics.queries.stored import make_metric, write_pending

pytestmark = pytest.mark.django_db

HOUR = 3_600_000_000


def data_of(actors: Actors, **sent: Any) -> dict[str, Any]:
    metric = make_metric(actors.organization, "jobs", MetricType.COUNTER)
    noon = instant_us(NOON)
    write_pending([(metric, [noon - 3 * HOUR, noon - HOUR, noon - HOUR + 1], [1, 2, 2.5])])
    serializer = SimpleParameters(data={"from": "-3h", **sent})
    serializer.is_valid(raise_exception=True)
    return simple_data(metric=metric, values=serializer.validated_data, now=NOON)


def test_buckets_come_as_rows_with_a_summary(actors: Actors) -> None:
    assert data_of(actors) == {
        "from": "2026-01-14T09:00:00Z",
        "to": "2026-01-14T12:00:00Z",
        "interval": "hour",
        "zone": "UTC",
        "aggregation": "sum",
        "fill": "none",
        "data": [
            {"bucket": "2026-01-14T09:00:00Z", "value": 1},
            {"bucket": "2026-01-14T11:00:00Z", "value": 4.5},
        ],
        "summary": {"total_points": 3, "buckets": 2},
    }


@pytest.mark.parametrize(("fill", "value"), [("null", None), ("zero", 0), ("previous", 1)])
def test_empty_buckets_are_filled_and_no_point_is_counted_twice(
    actors: Actors, fill: str, value: Any
) -> None:
    found = data_of(actors, fill=fill)
    assert [row["value"] for row in found["data"]] == [1, value, 4.5]
    assert found["summary"] == {"total_points": 3, "buckets": 3}


def test_counts_are_counted_once(actors: Actors) -> None:
    found = data_of(actors, aggregation="count")
    assert [row["value"] for row in found["data"]] == [1, 2]
    assert found["summary"]["total_points"] == 3


def test_a_window_without_points_has_no_rows(actors: Actors) -> None:
    found = data_of(actors, to="-3h", **{"from": "-6h"})
    assert (found["data"], found["summary"]) == ([], {"total_points": 0, "buckets": 0})


def test_wrong_values_are_refused_by_name(actors: Actors) -> None:
    with pytest.raises(Invalid) as caught:
        data_of(actors, zone="Mars")
    assert [item.parameter for item in caught.value.errors] == ["zone"]
