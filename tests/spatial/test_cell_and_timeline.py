"""GET /hexes/{h3} and /timeline."""

from datetime import UTC, datetime
from typing import Any

import h3.api.basic_int as h3
import pytest

from apps.datasets.models import Dataset
from apps.datasets.reading.rows import Precision
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.spatial.known_data import london

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)


def at(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def ask(actors: Actors, path: str, dataset: Dataset, **parameters: Any) -> Any:
    query: dict[str, Any] = {"dataset": str(dataset.pk), **parameters}
    return actors.viewer.api.get(f"/api/v1{path}", query)


def test_the_facts_of_a_cell_agree_with_the_map(actors: Actors) -> None:
    dataset = london(actors.organization)
    cells = {cell["h3"]: cell for cell in ask(actors, "/hexes", dataset, resolution=8).json()["cells"]}
    finer = {
        cell["h3"]: cell["count"] for cell in ask(actors, "/hexes", dataset, resolution=9).json()["cells"]
    }
    facts = ask(actors, "/hexes/88194ad305fffff", dataset).json()
    assert facts["count"] == 2_016
    assert facts["categories"] == cells["88194ad305fffff"]["categories"]
    assert facts["rank"] == 1
    assert sum(entry["count"] for entry in facts["months"]) == 2_016
    assert [entry["month"] for entry in facts["months"]] == [f"2023-{month:02}" for month in range(1, 13)]
    assert sum(child["count"] for child in facts["children"]) == 2_016
    assert all(child["count"] == finer.get(child["h3"], 0) for child in facts["children"])
    assert len(facts["neighbours"]) == 6
    assert all(near["count"] == cells.get(near["h3"], {"count": 0})["count"] for near in facts["neighbours"])
    assert facts["outline"]["type"] == "Polygon"


def test_the_rank_counts_the_selected_cells_alone(actors: Actors) -> None:
    rows = [EventRow(*PLACE)] * 2 + [EventRow(10.0, 10.0)] * 3
    dataset = published_dataset(rows, organization=actors.organization)
    cell = h3.int_to_str(h3.latlng_to_cell(*PLACE, 7))
    assert ask(actors, f"/hexes/{cell}", dataset).json()["rank"] == 2
    assert ask(actors, f"/hexes/{cell}", dataset, bbox="-1,51,1,52").json()["rank"] == 1
    assert ask(actors, f"/hexes/{cell}", dataset, bbox="5,5,15,15").json()["rank"] is None


def test_an_empty_cell_and_the_finest_one_have_facts(actors: Actors) -> None:
    dataset = published_dataset([EventRow(*PLACE, value=2.5)], organization=actors.organization)
    empty = ask(actors, f"/hexes/{h3.int_to_str(h3.latlng_to_cell(0, 0, 6))}", dataset).json()
    assert (empty["count"], empty["rank"], empty["value"], empty["months"]) == (0, None, None, [])
    finest = ask(actors, f"/hexes/{h3.int_to_str(h3.latlng_to_cell(*PLACE, 11))}", dataset).json()
    assert (finest["count"], finest["rank"], finest["children"]) == (1, 1, [])
    assert finest["value"] == {"n": 1, "sum": 2.5, "mean": 2.5, "min": 2.5, "max": 2.5, "ci": None}


def test_a_pentagon_has_five_neighbours_and_six_children(actors: Actors) -> None:
    pentagon = h3.get_pentagons(5)[0]
    dataset = published_dataset([EventRow(*h3.cell_to_latlng(pentagon))], organization=actors.organization)
    facts = ask(actors, f"/hexes/{h3.int_to_str(pentagon)}", dataset).json()
    assert facts["count"] == 1
    assert len(facts["neighbours"]) == 5
    assert len(facts["children"]) == 6
    assert len(facts["outline"]["coordinates"][0]) == 11


@pytest.mark.parametrize("cell", ["hello", "82194ffffffffff", "8c194ad30c7ffff", "0", "-1", "f" * 30])
def test_what_is_no_served_cell_is_refused(actors: Actors, cell: str) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    response = ask(actors, f"/hexes/{cell}", dataset)
    assert (response.status_code, response.json()["code"]) == (422, "spatial.selection_invalid")


def test_buckets_are_zero_filled_in_the_zone(actors: Actors) -> None:
    rows = [
        EventRow(*PLACE, at(2023, 3, 25, 23, 30), category="a"),
        EventRow(*PLACE, at(2023, 3, 26, 23, 30), category="b"),  # the 27th in summer time
        EventRow(*PLACE, at(2023, 3), category="b", precision=Precision.MONTH),
    ]
    dataset = published_dataset(rows, organization=actors.organization, zone="Europe/London")
    body = ask(actors, "/timeline", dataset, bucket="day", group="category").json()
    assert [(row["label"], row["start"], row["count"]) for row in body["buckets"]] == [
        ("2023-03-25", "2023-03-25T00:00:00Z", 1),
        ("2023-03-26", "2023-03-26T00:00:00Z", 0),
        ("2023-03-27", "2023-03-26T23:00:00Z", 1),
    ]
    assert [row["categories"] for row in body["buckets"]] == [{"a": 1}, {}, {"b": 1}]
    assert (body["events"], body["unplaced"]) == (3, 1)
    months = ask(actors, "/timeline", dataset, bucket="month").json()
    assert [(row["label"], row["count"]) for row in months["buckets"]] == [("2023-03", 3)]
    assert months["unplaced"] == 0


def test_the_hour_that_a_change_of_clocks_repeats_is_two(actors: Actors) -> None:
    rows = [EventRow(*PLACE, at(2023, 10, 29, hour, 15)) for hour in (0, 1)]
    dataset = published_dataset(rows, organization=actors.organization, zone="Europe/London")
    buckets = ask(actors, "/timeline", dataset, bucket="hour").json()["buckets"]
    assert [(row["label"], row["count"]) for row in buckets] == [
        ("2023-10-29T01:00+01:00", 1),
        ("2023-10-29T01:00+00:00", 1),
    ]


def test_a_window_decides_the_range_of_buckets(actors: Actors) -> None:
    dataset = published_dataset([EventRow(*PLACE, at(2023, 2, 5))], organization=actors.organization)
    window = {"from": "2022-12-31", "to": "2023-03-01"}
    months = ask(actors, "/timeline", dataset, bucket="month", **window).json()["buckets"]
    assert [(row["label"], row["count"]) for row in months] == [
        ("2022-12", 0), ("2023-01", 0), ("2023-02", 1), ("2023-03", 0),
    ]  # fmt: skip
    weeks = ask(
        actors, "/timeline", dataset, bucket="week", **{"from": "2023-01-01", "to": "2023-01-09"}
    ).json()
    assert [row["label"] for row in weeks["buckets"]] == ["2022-W52", "2023-W01", "2023-W02"]


@pytest.mark.parametrize("query", [{}, {"bucket": "day", "level": "9"}])
def test_a_stranger_is_not_told_what_is_wrong_with_their_question(
    actors: Actors, query: dict[str, str]
) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    question = {"dataset": str(dataset.pk)} | query

    assert actors.stranger.api.get("/api/v1/timeline", question).status_code == 404
    assert actors.viewer.api.get("/api/v1/timeline", question).status_code == 422


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59-12:00"])
def test_a_window_at_the_end_of_the_calendar_is_no_fault(actors: Actors, day: str) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization, zone="Asia/Tokyo")
    for name in ("from", "to"):
        response = ask(actors, "/timeline", dataset, bucket="day", **{name: day})
        assert response.status_code in {200, 422}, response.content


def test_a_timeline_follows_the_selection(actors: Actors) -> None:
    rows = [EventRow(*PLACE, at(2023, 1)), EventRow(10.0, 10.0, at(2024, 1))]
    dataset = published_dataset(rows, organization=actors.organization)
    body = ask(actors, "/timeline", dataset, bucket="year", bbox="-1,51,1,52").json()
    assert [(row["label"], row["count"]) for row in body["buckets"]] == [("2023", 1)]


def test_more_than_ten_thousand_buckets_are_refused(actors: Actors) -> None:
    rows = [EventRow(*PLACE, at(1990)), EventRow(*PLACE, at(2023))]
    dataset = published_dataset(rows, organization=actors.organization)
    response = ask(actors, "/timeline", dataset, bucket="day")
    assert (response.status_code, response.json()["code"]) == (422, "spatial.too_many_buckets")


def test_london_by_month(actors: Actors) -> None:
    dataset = london(actors.organization)
    buckets = ask(actors, "/timeline", dataset, bucket="month").json()["buckets"]
    assert sum(row["count"] for row in buckets) == 8_501
    assert buckets[2]["count"] == 650
    days = ask(actors, "/timeline", dataset, bucket="day").json()
    assert (days["buckets"], days["unplaced"]) == ([], 8_501)
