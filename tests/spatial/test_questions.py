"""POST /questions: what is answered and refused, who may ask, and that the map says the same."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.datasets.models import Dataset, Term
from apps.datasets.reading.rows import Precision
from apps.spatial.asking.circles import CELLS_MAX
from apps.spatial.figures import questions
from apps.spatial.models import Area
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.spatial.known_data import earthquakes, london

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)
SQUARE = {"type": "Polygon", "coordinates": [[[-1, 51], [1, 51], [1, 52], [-1, 52], [-1, 51]]]}


def ask(person: Any, dataset: Dataset | None, question: str, **fields: Any) -> Any:
    body: dict[str, Any] = {"question": question, **fields}
    if dataset is not None:
        body["dataset"] = str(dataset.pk)
    return person.api.post("/api/v1/questions", body, format="json")


def answer(person: Any, dataset: Dataset | None, question: str, **fields: Any) -> dict[str, Any]:
    response = ask(person, dataset, question, **fields)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(*PLACE, datetime(2023, 3, 1, 23, tzinfo=UTC), "Theft", value=1.0),
        EventRow(*PLACE, datetime(2023, 3, 2, 9, tzinfo=UTC), "Theft", value=4.0),
        EventRow(*PLACE, datetime(2023, 3, 1, tzinfo=UTC), "Burglary", Precision.MONTH),
        EventRow(40.0, 20.0, datetime(2023, 5, 1, tzinfo=UTC), "Theft", value=5.0),
    ]
    return published_dataset(rows, organization=actors.organization)


def test_the_known_answers_about_london(actors: Actors) -> None:
    dataset = london(actors.organization)
    count = answer(actors.viewer, None, "How many shoplifting incidents in October 2023?")
    assert count["result"]["events"] == 112
    assert "112" in count["answer"]
    assert actors.viewer.api.get(count["api_url"]).json()["events"] == 112
    assert answer(actors.viewer, dataset, "burglaries in March 2023")["result"]["events"] == 24

    top = answer(actors.viewer, dataset, "Top 3 areas for shoplifting at resolution 9")
    expected = [("89194ad304bffff", 138), ("89194ad30c7ffff", 122), ("89194ad3047ffff", 104)]
    assert [(cell["h3"], cell["count"]) for cell in top["result"]["cells"]] == expected
    same = sorted(actors.viewer.api.get(top["api_url"]).json()["cells"], key=lambda cell: -cell["count"])
    assert [(cell["h3"], cell["count"]) for cell in same[:3]] == expected

    refused = ask(actors.viewer, dataset, "How many shoplifting incidents in Paris?")
    assert (refused.status_code, refused.json()["unknown"]) == (422, ["paris"])

    night = answer(actors.viewer, dataset, "How many burglaries at night?")
    assert (night["result"]["events"], night["result"]["excluded_no_time"]) == (0, 323)
    assert "323" in " ".join(night["notes"])


def test_the_known_answers_about_earthquakes(actors: Actors) -> None:
    dataset = earthquakes(actors.organization)
    mean = answer(actors.viewer, dataset, "average of the value")
    assert mean["result"]["value"]["mean"] == 5.88253075
    assert mean["result"]["value"]["n"] == 23_412
    assert answer(actors.viewer, dataset, "How many in 2011?")["result"]["events"] == 713


def test_an_answer_says_what_was_understood_and_what_was_not_needed(actors: Actors, dataset: Dataset) -> None:
    body = answer(actors.viewer, dataset, "How many thefts were there in March, please?")
    assert body["understood"] == [
        {"text": "How many", "as": "number of events"},
        {"text": "thefts", "as": "category Theft"},
        {"text": "in March", "as": "2023-03-01 to 2023-03-31"},
    ]
    assert body["ignored"] == ["were", "there", "please"]
    assert body["notes"] == ["Without a year, March 2023 is taken: the latest within the data."]
    assert body["translator"] == "grammar"
    assert body["query"] == {
        "dataset": str(dataset.pk), "measure": "count", "top": None, "bucket": None, "from": "2023-03-01",
        "to": "2023-03-31", "hour_from": None, "hour_to": None, "weekday": [], "category": ["Theft"],
        "place": None, "resolution": 8,
    }  # fmt: skip
    assert body["result"]["datasets"] == [{"id": str(dataset.pk), "version": 1, "zone": "UTC"}]


@pytest.mark.parametrize(
    ("question", "events"),
    [
        ("thefts near 51.5, -0.1 within 5 km", 2),
        ("thefts within 200 km of 40,20", 1),
        ("thefts in bbox(19,39,21,41)", 1),
        ("thefts in cell 84194adffffffff", 2),
        ("thefts in the old town", 2),
        ("thefts between 22:00 and 04:00", 2),
        ("thefts on 1 March 2023", 1),
        ("thefts since April 2023", 1),
        ("thefts before 2023-03-02", 1),
        ("thefts on Thursdays", 1),
        ("theft or burglary in March 2023", 3),
        ("stealing in 2023", 3),
        ("thefts at resolution 5 in the old town", 2),
    ],
)
def test_the_map_answers_the_same(actors: Actors, dataset: Dataset, question: str, events: int) -> None:
    Area.objects.create(
        organization=actors.organization, name="Old Town", polygon=SQUARE, box=[-1, 51, 1, 52]
    )
    Term.objects.filter(text="Theft").update(aliases=["stealing"])
    body = answer(actors.viewer, dataset, question)
    assert body["result"]["events"] == events
    response = actors.viewer.api.get(body["api_url"])
    assert response.status_code == 200, response.content
    assert response.json()["events"] == events


def test_a_trend_has_the_buckets_of_the_timeline(actors: Actors, dataset: Dataset) -> None:
    body = answer(actors.viewer, dataset, "How many thefts per month?")
    assert [(row["label"], row["count"]) for row in body["result"]["buckets"]] == [
        ("2023-03", 2), ("2023-04", 0), ("2023-05", 1),
    ]  # fmt: skip
    assert actors.viewer.api.get(body["api_url"]).json()["buckets"] == body["result"]["buckets"]
    assert "2023-03 (2)" in body["answer"]


def test_an_average_is_of_the_events_that_have_a_value(actors: Actors, dataset: Dataset) -> None:
    value = answer(actors.viewer, dataset, "mean value in March 2023")["result"]["value"]
    assert value == {"n": 2, "sum": 5.0, "mean": 2.5, "min": 1.0, "max": 4.0}
    none = answer(actors.viewer, dataset, "mean value of burglary")
    assert none["result"]["value"] is None
    assert "no value" in none["answer"]


def test_a_circle_is_told_by_few_cells_of_a_fitting_size(actors: Actors, dataset: Dataset) -> None:
    wide = answer(actors.viewer, dataset, "thefts near 45, 10 within 500 km")
    assert wide["api_url"].count("cell=") <= CELLS_MAX
    assert wide["query"]["resolution"] < 8
    assert "resolution" in wide["notes"][-1]
    small = answer(actors.viewer, dataset, "thefts near 51.5, -0.1 within 100 m")
    assert small["query"]["resolution"] == 11
    nothing = ask(actors.viewer, dataset, "thefts near 51.5, -0.1 within 1 m at resolution 5")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "spatial.question_refused")


def test_without_a_name_the_only_dataset_is_asked(actors: Actors, dataset: Dataset) -> None:
    assert answer(actors.viewer, None, "how many")["query"]["dataset"] == str(dataset.pk)
    other = published_dataset([EventRow(*PLACE)], organization=actors.organization, name="Other")
    refused = ask(actors.viewer, None, "how many").json()
    assert refused["code"] == "spatial.question_refused"
    assert refused["suggestions"] == ["Events", "Other"]
    Dataset.objects.filter(pk__in=[dataset.pk, other.pk]).update(current_version=None)
    assert ask(actors.viewer, None, "how many").json()["code"] == "spatial.question_refused"
    assert ask(actors.viewer, dataset, "how many").json()["code"] == "spatial.not_ready"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"question": "x" * 501}, "/question"),
        ({"question": "ab"}, "/question"),
        ({}, "/question"),
        ({"question": "how many", "translator": "magic"}, "/translator"),
        ({"question": "how many", "dataset": "7"}, "/dataset"),
        ({"question": "how many", "sql": "SELECT 1"}, "/sql"),
    ],
)
def test_what_is_malformed_is_named(actors: Actors, fields: dict[str, Any], pointer: str) -> None:
    response = actors.viewer.api.post("/api/v1/questions", fields, format="json")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


def test_a_question_of_500_characters_is_read(actors: Actors, dataset: Dataset) -> None:
    assert answer(actors.viewer, dataset, "how many" + " please" * 70 + "?")["result"]["events"] == 4


def test_a_dataset_of_others_is_not_there(actors: Actors, dataset: Dataset) -> None:
    assert ask(actors.stranger, dataset, "how many").status_code == 404
    assert ask(actors.anonymous, dataset, "how many").status_code == 401
    for person in (actors.viewer, actors.analyst, actors.manager, actors.admin):
        assert ask(person, dataset, "how many").status_code == 200
    assert "Events" not in ask(actors.stranger, None, "how many").content.decode()


def test_the_areas_of_others_have_no_meaning(actors: Actors, dataset: Dataset) -> None:
    foreign = actors.stranger.organization
    assert foreign is not None
    Area.objects.create(organization=foreign, name="Old Town", polygon=SQUARE, box=[-1, 51, 1, 52])
    refused = ask(actors.viewer, dataset, "thefts in Old Town").json()
    assert (refused["unknown"], refused["suggestions"]) == (["old", "town"], [])


def test_the_grammar_is_told_with_examples(actors: Actors) -> None:
    body = actors.viewer.api.get("/api/v1/questions/grammar").json()
    assert {rule["part"] for rule in body["rules"]} == {"measure", "time", "category", "place", "grain"}
    assert all(rule["examples"] for rule in body["rules"])
    assert "please" in body["filler"]
    assert actors.anonymous.api.get("/api/v1/questions/grammar").status_code == 401


def test_questions_are_counted_by_outcome(actors: Actors, dataset: Dataset) -> None:
    def counted(outcome: str) -> float:
        return questions.labels(outcome)._value.get()  # type: ignore[no-any-return]

    before = counted("answered"), counted("refused")
    ask(actors.viewer, dataset, "how many")
    ask(actors.viewer, dataset, "how many in Atlantis")
    assert (counted("answered"), counted("refused")) == (before[0] + 1, before[1] + 1)
