"""A dataset in numbers: counts by name and time, values, the fullest cells; and who may read it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from apps.datasets.reading.rows import Precision
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db


def at(month: int, day: int = 1, hour: int = 0) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=UTC)


def test_a_summary_counts_by_name_and_by_times_of_the_zone(actors: Actors) -> None:
    rows = [
        EventRow(51.5, -0.1, at(6, 3, 23), category="theft", value=1.0, label="x"),
        EventRow(51.5, -0.1, at(6, 4, 10), category="theft", value=2.0),
        EventRow(51.5, -0.1, at(7, 1), category="noise", value=6.0, precision=Precision.DAY),
        EventRow(40.0, 10.0, at(7), category="noise", precision=Precision.MONTH),
        EventRow(40.0, 10.0, at(1), category="fire", precision=Precision.YEAR),
    ]
    dataset = published_dataset(rows, organization=actors.organization, zone="Europe/London", segments=2)
    path = f"/api/v1/datasets/{dataset.pk}/summary"

    found = actors.viewer.api.get(path).json()

    def named(key: str) -> dict[str, int]:
        return {each["name"]: each["n"] for each in found[key]}

    def numbered(key: str) -> dict[int, int]:
        return {each["no"]: each["n"] for each in found[key]}

    assert (found["dataset"], found["version"], found["rows"]) == (str(dataset.pk), 1, 5)
    assert list(named("by_category").items()) == [("noise", 2), ("theft", 2), ("fire", 1)]
    assert named("by_label") == {"x": 1}
    assert named("by_month") == {"2024-06": 2, "2024-07": 2}
    # 23:00 in UTC is midnight of Tuesday in London's summer.
    assert numbered("by_weekday") == {1: 1, 2: 2}
    assert numbered("by_hour") == {0: 1, 11: 1}
    assert [each["n"] for each in found["top_cells"]] == [3, 2]
    values = [1.0, 2.0, 6.0]
    assert found["value"] == {
        "n": 3,
        "mean": 3.0,
        "sd": float(f"{np.std(values, ddof=1):.9g}"),
        "min": 1.0,
        "p05": float(f"{np.percentile(values, 5):.9g}"),
        "p50": 2.0,
        "p95": float(f"{np.percentile(values, 95):.9g}"),
        "max": 6.0,
    }
    assert actors.stranger.api.get(path).status_code == 404
    assert actors.anonymous.api.get(path).status_code == 401


def test_without_events_there_is_nothing_to_count(actors: Actors) -> None:
    dataset = published_dataset([], organization=actors.organization)
    found = actors.viewer.api.get(f"/api/v1/datasets/{dataset.pk}/summary").json()
    assert (found["rows"], found["by_hour"], found["value"]["n"]) == (0, [], 0)
    assert (found["value"]["mean"], found["top_cells"]) == (None, [])
