"""Where a signal may be moved, by whom, with what, and what each move leaves behind."""

import datetime as dt
import itertools
from typing import Any

import pytest
import time_machine

from apps.accounts.models import Role
from apps.signals.models import Event, Signal
from apps.signals.states import STATUS_MOVES, WorkflowStatus
from tests.factories.accounts import create_member
from tests.factories.signals import ObservationFactory, create_signal
from tests.furniture.clock import NOON
from tests.furniture.people import Actors, Person
from tests.signals.triage import id_of, move, outcome, url, workflow_of

pytestmark = pytest.mark.django_db
FORBIDDEN = (403, "permission.denied")
NOT_ALLOWED = (409, "signals.transition_not_allowed")
INVALID = (422, "request.invalid")
MOVES = [
    ("assigned", "in_progress"),
    ("in_progress", "assigned"),
    ("in_progress", "resolved"),
    ("resolved", "in_progress"),
    ("resolved", "closed"),
]
FIXED = {"resolution_code": "fixed"}


def details(to: str) -> dict[str, str]:
    return FIXED if to == "resolved" else {}


def in_status(actors: Actors, status: str, owner: Person | None = None, **columns: Any) -> Signal:
    fields = {f"status__{name}": value for name, value in columns.items()}
    user = (owner or actors.analyst).user if status != "new" else None
    return create_signal(actors.organization, status=status, assignee=user, **fields)


def another(actors: Actors) -> Person:
    user = create_member(actors.organization, Role.ANALYST)
    return Person("another", actors.organization, user, Role.ANALYST)


def pointer_of(answer: Any) -> tuple[str, str]:
    assert outcome(answer) == INVALID, answer.content
    (error,) = answer.json()["errors"]
    return error["pointer"], error["code"]


@pytest.mark.parametrize(("before", "after"), MOVES)
def test_each_move_is_for_the_assignee_and_who_may_assign(actors: Actors, before: str, after: str) -> None:
    owner = another(actors)
    expected: dict[str, Any] = dict.fromkeys(("analyst", "viewer", "key"), FORBIDDEN)
    expected |= {"owner": FORBIDDEN if after == "closed" else 200, "stranger": (404, "not_found")}
    expected |= {"manager": 200, "admin": 200}
    for who, wanted in expected.items():
        signal = in_status(actors, before, owner)
        person = owner if who == "owner" else actors[who]
        assert (who, outcome(move(person, signal, after, **details(after)))) == (who, wanted)
        workflow, is_moved = workflow_of(signal), wanted == 200
        assert (workflow.status, workflow.version) == ((after, 2) if is_moved else (before, 1))
        assert Event.objects.filter(signal=signal).count() == int(is_moved)


def test_the_table_of_moves_is_the_one_that_is_tried() -> None:
    table = {(str(before), str(after)) for before, moves in STATUS_MOVES.items() for after in moves}
    assert table == set(MOVES)


def test_any_other_move_is_a_conflict_that_names_the_ways_out(actors: Actors) -> None:
    for before, after in itertools.product(WorkflowStatus.values, repeat=2):
        if (before, after) in MOVES:
            continue
        signal = in_status(actors, before)
        answer = move(actors.manager, signal, after, **details(after))
        assert outcome(answer) == NOT_ALLOWED, (before, after)
        assert answer.json()["allowed"] == [to for to in WorkflowStatus.values if (before, to) in MOVES]
        assert workflow_of(signal).version == 1


def test_a_signal_is_worked_off_and_every_step_is_told(actors: Actors, clock: time_machine.Traveller) -> None:
    signal = in_status(actors, "assigned")
    steps = [
        ("in_progress", {"notes": "Looking."}),
        ("assigned", {}),
        ("in_progress", {}),
        (
            "resolved",
            {"resolution_code": "mitigated", "notes": "More nurses.", "effective_date": "2026-01-10"},
        ),
        ("in_progress", {"notes": "Not enough."}),
        ("resolved", FIXED),
    ]
    seen = []
    for status, fields in steps:
        clock.shift(60)
        seen.append(move(actors.analyst, signal, status, **fields).json())
    clock.shift(60)
    closed = move(actors.manager, signal, "closed").json()

    def at(minutes: int) -> str:
        return f"2026-01-14T12:{minutes:02}:00Z"

    assert [row["version"] for row in seen] == [2, 3, 4, 5, 6, 7]
    assert [row["started_at"] for row in seen] == [at(1), None, at(3), at(3), at(3), at(3)]
    resolution = ("resolved_at", "resolution_code", "resolution_notes", "effective_date")
    assert [seen[3][name] for name in resolution] == [at(4), "mitigated", "More nurses.", "2026-01-10"]
    assert [seen[4][name] for name in resolution] == [None, None, "", None]
    assert [closed[name] for name in resolution] == [at(6), "fixed", "", "2026-01-14"]
    assert (closed["status"], closed["closed_at"], closed["version"]) == ("closed", at(7), 8)
    assert closed["assignee"]["id"] == str(id_of(actors.analyst))

    events = list(Event.objects.order_by("occurred_at"))
    assert [event.payload["version"] for event in events] == [2, 3, 4, 5, 6, 7, 8]
    assert [(event.payload["from"], event.payload["to"]) for event in events] == [
        *itertools.pairwise(["assigned", *(status for status, _ in steps), "closed"])
    ]
    mitigated = {"code": "mitigated", "notes": "More nurses.", "effective_date": "2026-01-10"}
    assert [event.payload.get("resolution") for event in events] == [
        *(None, None, None, mitigated, mitigated),
        *[{"code": "fixed", "notes": "", "effective_date": "2026-01-14"}] * 2,
    ]
    assert {event.event_type for event in events} == {"status_change"}


def test_what_is_not_fixed_says_why(actors: Actors) -> None:
    for code in ("mitigated", "accepted", "false_positive", "data_error"):
        signal = in_status(actors, "in_progress")
        for notes in ({}, {"notes": ""}, {"notes": "  \n"}):
            answer = move(actors.analyst, signal, "resolved", resolution_code=code, **notes)
            assert pointer_of(answer) == ("/notes", "required")
        answer = move(actors.analyst, signal, "resolved", resolution_code=code, notes="x" * 4_001)
        assert pointer_of(answer) == ("/notes", "max_length")
        assert workflow_of(signal).status == "in_progress"
        answer = move(actors.analyst, signal, "resolved", resolution_code=code, notes="x" * 4_000)
        assert outcome(answer) == 200


def test_a_resolution_has_a_code_of_peoples_own(actors: Actors) -> None:
    signal = in_status(actors, "in_progress")
    assert pointer_of(move(actors.analyst, signal, "resolved")) == ("/resolution_code", "required")
    for wrong in ("data_absent", "magic"):
        answer = move(actors.analyst, signal, "resolved", resolution_code=wrong, notes="x")
        assert pointer_of(answer) == ("/resolution_code", "invalid_choice")


def test_the_effective_date_lies_between_the_first_observed_month_and_today(
    actors: Actors, clock: time_machine.Traveller
) -> None:
    signal = in_status(actors, "in_progress")  # its timeline begins with January 2025
    for wrong in ("2026-01-15", "2024-12-31", "0001-01-01"):
        answer = move(actors.analyst, signal, "resolved", **FIXED, effective_date=wrong)
        assert pointer_of(answer) == ("/effective_date", "invalid")
    assert pointer_of(move(actors.analyst, signal, "resolved", **FIXED, effective_date="soon"))[0] == (
        "/effective_date"
    )
    ObservationFactory.create(signal=signal, data_period=dt.date(2024, 11, 1))
    answer = move(actors.analyst, signal, "resolved", **FIXED, effective_date="2024-10-31")
    assert pointer_of(answer) == ("/effective_date", "invalid")
    answer = move(actors.analyst, signal, "resolved", **FIXED, effective_date="2024-11-01")
    assert answer.json()["effective_date"] == "2024-11-01"
    assert NOON.date() == dt.date(2026, 1, 14)


def test_a_signal_without_any_month_is_resolved_from_its_detection_on(
    actors: Actors, clock: time_machine.Traveller
) -> None:
    signal = in_status(actors, "in_progress")
    Signal.objects.filter(pk=signal.pk).update(
        timeline=None, data_period=None, first_detected_at=NOON - dt.timedelta(days=20)
    )
    answer = move(actors.analyst, signal, "resolved", **FIXED, effective_date="2025-11-30")
    assert pointer_of(answer) == ("/effective_date", "invalid")
    assert outcome(move(actors.analyst, signal, "resolved", **FIXED, effective_date="2025-12-01")) == 200


@pytest.mark.parametrize("extra", [{"resolution_code": "fixed"}, {"effective_date": "2026-01-01"}])
def test_a_resolution_goes_with_resolving_alone(actors: Actors, extra: dict[str, str]) -> None:
    signal = in_status(actors, "assigned")
    answer = move(actors.analyst, signal, "in_progress", **extra)
    assert pointer_of(answer)[0] == f"/{next(iter(extra))}"


def test_what_the_system_resolved_is_taken_up_again_as_if_just_started(
    actors: Actors, clock: time_machine.Traveller
) -> None:
    signal = create_signal(
        actors.organization,
        status="resolved",
        status__resolution_code="data_absent",
        status__resolved_at=NOON,
    )
    body = move(actors.manager, signal, "in_progress").json()
    assert (body["assignee"], body["started_at"], body["resolution_code"]) == (
        None,
        "2026-01-14T12:00:00Z",
        None,
    )


def test_a_move_from_another_state_than_the_one_read_is_refused(actors: Actors) -> None:
    signal = in_status(actors, "assigned")
    tag = actors.analyst.api.get(url(signal, "assignment"))["ETag"]
    first = move(actors.analyst, signal, "in_progress", headers={"If-Match": tag})
    assert first.status_code == 200
    second = move(actors.manager, signal, "resolved", **FIXED, headers={"If-Match": tag})
    assert outcome(second) == (412, "precondition.failed")
    third = move(actors.manager, signal, "resolved", **FIXED, headers={"If-Match": first["ETag"]})
    assert outcome(third) == 200


def test_unknown_words_and_fields_are_refused(actors: Actors) -> None:
    signal = in_status(actors, "assigned")
    assert pointer_of(move(actors.analyst, signal, "done")) == ("/status", "invalid_choice")
    assert pointer_of(move(actors.analyst, signal, "in_progress", snooze=1)) == ("/snooze", "unknown_field")
    assert outcome(actors.anonymous.api.patch(url(signal, "status"), {}, format="json")) == (
        401,
        "auth.required",
    )
