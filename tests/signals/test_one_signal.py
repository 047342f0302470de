"""One signal: its form, its tag, and what people write over it."""

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from apps.signals.models import Workflow
from apps.signals.states import WorkflowStatus
from tests.factories.signals import STARTED_AT, EventFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.listing import SIGNALS, ask, column, get

pytestmark = pytest.mark.django_db


def patch(person: Person, signal: Any, headers: Any = None, **texts: Any) -> Any:
    return person.api.patch(f"{SIGNALS}/{signal.pk}", texts, format="json", headers=headers or {})


def test_one_signal_has_what_lists_leave_out(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    (row,) = get(actors.viewer)["results"]
    one = get(actors.viewer, f"/{signal.pk}")
    assert {name: one[name] for name in row} == row
    assert one.keys() - row.keys() == {
        "timeline", "monthly_z_scores", "anomaly_labels", "severity_calculation", "generated_description",
        "why_matters", "unread",
    }  # fmt: skip
    assert len(one["timeline"]) == 12
    assert (one["graph"], one["attention"]) == (signal.graph.name, True)


def test_what_people_write_shows_until_it_is_cleared(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    written = patch(actors.analyst, signal, description="Stays are long.", why_matters="Beds.").json()
    assert (written["description"], written["why_matters"]) == ("Stays are long.", "Beds.")
    assert written["generated_description"] == signal.description
    assert column(actors.viewer, "description") == ["Stays are long."]
    cleared = patch(actors.analyst, signal, description=None).json()
    assert (cleared["description"], cleared["why_matters"]) == (signal.description, "Beds.")
    assert patch(actors.viewer, signal, description="x").status_code == 403
    assert patch(actors.stranger, signal, description="x").status_code == 404
    assert patch(actors.analyst, signal, severity=1).status_code == 422


def test_the_tag_is_of_content_workflow_and_annotation(actors: Actors) -> None:
    signal = create_signal(actors.organization)

    def tag() -> str:
        return str(ask(actors.viewer, f"/{signal.pk}")["ETag"])

    first = tag()
    EventFactory.create(signal=signal)
    assert tag() == first  # what is unread is no change of the signal
    fresh = actors.viewer.api.get(f"{SIGNALS}/{signal.pk}", headers={"If-None-Match": first})
    assert fresh.status_code == 304
    Workflow.objects.filter(signal=signal).update(version=2)
    second = tag()
    answer = patch(actors.analyst, signal, {"If-Match": first}, description="x")
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition.failed")
    answer = patch(actors.analyst, signal, {"If-Match": second}, description="x")
    assert (answer.status_code, answer["ETag"]) == (200, tag())
    assert len({first, second, tag()}) == 3


def test_days_open_run_from_detection_or_reopening_to_resolution(actors: Actors) -> None:
    signal = create_signal(actors.organization, first_detected_at=STARTED_AT)
    workflow = Workflow.objects.filter(signal=signal)

    def days() -> int:
        with time_machine.travel(STARTED_AT + dt.timedelta(days=10, hours=23), tick=False):
            return int(get(actors.viewer, f"/{signal.pk}", fields="days_open")["days_open"])

    assert days() == 10
    resolved_at = STARTED_AT + dt.timedelta(days=3)
    workflow.update(status=WorkflowStatus.RESOLVED, resolved_at=resolved_at)
    assert days() == 3
    workflow.update(status=WorkflowStatus.ASSIGNED, reopened_at=STARTED_AT + dt.timedelta(days=6))
    assert days() == 4


def test_unread_counts_what_the_asking_person_has_not_read(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    event = EventFactory.create(signal=signal)
    EventFactory.create(signal=signal)
    EventFactory.create(signal=create_signal(actors.organization))
    assert actors.viewer.api.post(f"{SIGNALS}/feed/{event.pk}/read").status_code == 200
    assert get(actors.viewer, f"/{signal.pk}")["unread"] == 1
    assert get(actors.analyst, f"/{signal.pk}")["unread"] == 2


@pytest.mark.parametrize(
    "part",
    ["", "temporal", "contributions", "children", "parent", "related", "technical-details", "explain",
     "history", "lineage"],
)  # fmt: skip
def test_an_unknown_signal_and_a_strangers_are_not_there(actors: Actors, part: str) -> None:
    signal = create_signal(actors.organization)
    for person, pk in ((actors.viewer, uuid4()), (actors.stranger, signal.pk), (actors.viewer, "x")):
        answer = ask(person, f"/{pk}/{part}".rstrip("/"))
        assert answer.status_code == 404, answer.content


def test_a_signal_without_observations_has_nothing_to_explain(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    for part in ("technical-details", "explain", "contributions", "lineage"):
        assert ask(actors.viewer, f"/{signal.pk}/{part}").json()["code"] == "signals.run_pruned"
    assert get(actors.viewer, f"/{signal.pk}/history")["results"] == []
    run = str(signal.content_run_id)
    assert ask(actors.viewer, f"/{signal.pk}/lineage", run=run).status_code == 404
    assert get(actors.viewer, f"/{signal.pk}/temporal")["peer_trends"] is None
