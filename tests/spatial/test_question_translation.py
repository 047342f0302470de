"""Questions read by a language model: a reply that is the typed query, else the grammar's outcome."""

import json
import socket
import threading
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.common import ai
from apps.common.outbound import breaker as breakers
from apps.datasets.models import Dataset
from apps.spatial.asking.translating import reply_schema
from apps.spatial.models import Area
from tests.common.foreign_host import serving
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)
SQUARE = {"type": "Polygon", "coordinates": [[[-1, 51], [1, 51], [1, 52], [-1, 52], [-1, 51]]]}
# No rule of the grammar reads this.
QUESTION = "Did people steal a lot?"


@pytest.fixture(autouse=True)
def _recording(settings: Settings) -> Any:
    settings.AI_PROVIDER = "recording"
    yield
    ai.recorded.clear()
    ai.answers.clear()


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [EventRow(*PLACE, category="Theft", label="secret label"), EventRow(40.0, 20.0, category="Theft")]
    Area.objects.create(organization=actors.organization, name="Soho", polygon=SQUARE, box=[-1, 51, 1, 52])
    return published_dataset(rows, organization=actors.organization)


def reply(asked: Dataset, **changes: Any) -> str:
    """Return a reply that fits the schema: count everything."""
    names = reply_schema(asked.pk, [], [])["required"]
    empty: dict[str, Any] = dict.fromkeys(names) | {
        "answerable": True, "dataset": str(asked.pk), "measure": "count", "weekday": [], "category": [],
    }  # fmt: skip
    return json.dumps(empty | changes)


def ask(actors: Actors, dataset: Dataset, question: str = QUESTION, translator: str = "ai") -> Any:
    body = {"question": question, "dataset": str(dataset.pk), "translator": translator}
    return actors.analyst.api.post("/api/v1/questions", body, format="json")


def test_a_reply_is_answered_like_any_typed_query(actors: Actors, dataset: Dataset) -> None:
    ai.answers.append(reply(dataset, category=["Theft"], area="Soho"))
    body = ask(actors, dataset).json()
    assert (body["translator"], body["result"]["events"]) == ("ai", 1)
    assert body["query"]["place"]["name"] == "Soho"
    assert body["understood"][0]["text"] == QUESTION
    assert actors.viewer.api.get(body["api_url"]).json()["events"] == 1


def test_names_are_sent_and_no_event(actors: Actors, dataset: Dataset) -> None:
    ai.answers.append(reply(dataset))
    ask(actors, dataset)
    (sent,) = ai.recorded
    for text in (QUESTION, "Theft", "Soho", "UTC"):
        assert text in sent.prompt
    for text in ("51.5", "-0.1", "secret label"):
        assert text not in sent.prompt


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "01a22b51-35b9-75c9-bd63-d240dfdf333e"},
        {"category": ["Murder"]},
        {"area": "Paris"},
        {"answerable": False},
        {"hour_from": 3},
        {"from": "2023-02-30"},
        {"from": "2023-03-01", "to": "2023-02-01"},
        {"bbox": [0, 1, 1, 1]},
        {"bbox": [0, 0, 1, 1], "area": "Soho"},
        {"cell": "hello"},
        {"resolution": 12},
        {"measure": "drop"},
        {"sql": "SELECT 1"},
    ],
)
def test_an_unusable_reply_leaves_the_grammars_outcome(
    actors: Actors, dataset: Dataset, changes: dict[str, Any]
) -> None:
    ai.answers += [reply(dataset, **changes)] * 2
    refused = ask(actors, dataset).json()
    assert refused["code"] == "spatial.question_refused"
    assert "No language model" in refused["detail"]
    read = ask(actors, dataset, "How many thefts?").json()
    assert (read["translator"], read["result"]["events"]) == ("grammar", 2)
    assert "No language model" in read["notes"][0]


@pytest.mark.parametrize("answer", ["not json", "[]", None])
def test_no_reply_at_all_leaves_the_grammars_outcome(
    actors: Actors, dataset: Dataset, answer: str | None
) -> None:
    ai.answers += [answer] if answer is not None else []
    assert ask(actors, dataset, "How many thefts?").json()["translator"] == "grammar"


def test_over_budget_the_grammars_outcome_stands(
    actors: Actors, dataset: Dataset, settings: Settings
) -> None:
    settings.AI_DAILY_TOKENS = 0
    ai.answers.append(reply(dataset))
    body = ask(actors, dataset, "How many thefts?").json()
    assert (body["translator"], ai.recorded) == ("grammar", [])
    assert "budget" in body["notes"][0]


def test_a_late_reply_leaves_the_grammars_outcome(
    actors: Actors, dataset: Dataset, settings: Settings
) -> None:
    is_over = threading.Event()

    def say_nothing(_connection: socket.socket, _request: bytes) -> None:
        is_over.wait(10)

    with serving(say_nothing) as host:
        settings.AI_PROVIDER, settings.AI_BASE_URL = "openai_compatible", host.url("/v1")
        settings.AI_TIMEOUT_S = 0.2
        body = ask(actors, dataset, "How many thefts?").json()
        is_over.set()
    assert (body["translator"], body["result"]["events"]) == ("grammar", 2)
    assert host.heads
    breakers._known.clear()


def test_auto_asks_a_model_only_for_what_the_grammar_refuses(actors: Actors, dataset: Dataset) -> None:
    assert ask(actors, dataset, "How many thefts?", "auto").json()["translator"] == "grammar"
    assert ai.recorded == []
    ai.answers.append(reply(dataset))
    assert ask(actors, dataset, translator="auto").json()["translator"] == "ai"


def test_a_viewer_has_no_part_in_language_models(actors: Actors, dataset: Dataset) -> None:
    body = {"question": QUESTION, "dataset": str(dataset.pk)}
    named = actors.viewer.api.post("/api/v1/questions", body | {"translator": "ai"}, format="json")
    assert (named.status_code, named.json()["code"]) == (403, "permission.denied")
    auto = actors.viewer.api.post("/api/v1/questions", body | {"translator": "auto"}, format="json")
    assert (auto.status_code, auto.json()["code"]) == (422, "spatial.question_refused")
    assert ai.recorded == []
