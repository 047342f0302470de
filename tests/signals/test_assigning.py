"""Who may give a signal to whom, and what that leaves behind."""

import uuid
from typing import Any

import pytest

from apps.accounts.models import Membership, Role, User
from apps.signals.models import Assignment, Event, Signal
from tests.factories.accounts import create_member
from tests.factories.signals import ROLE_TYPE, RoleTypeFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import assign, id_of, outcome, unassign, url, workflow_of

pytestmark = pytest.mark.django_db
FORBIDDEN = (403, "permission.denied")
NOT_ALLOWED = (409, "signals.transition_not_allowed")
ASSIGNEE_INVALID = (422, "signals.assignee_invalid")


@pytest.fixture
def signal(actors: Actors) -> Signal:
    return create_signal(actors.organization)


def another(actors: Actors, role: Role = Role.ANALYST) -> Person:
    return Person("another", actors.organization, create_member(actors.organization, role), role)


def test_an_analyst_takes_a_new_signal(actors: Actors, signal: Signal) -> None:
    answer = assign(actors.analyst, signal, actors.analyst, notes="Mine.")
    assert answer.status_code == 200
    body = answer.json()
    assert actors.analyst.user is not None
    person = {"id": str(id_of(actors.analyst)), "name": actors.analyst.user.name}
    assert (body["status"], body["assignee"], body["role_type"], body["version"]) == (
        "assigned",
        person,
        ROLE_TYPE,
        2,
    )
    assert actors.viewer.api.get(url(signal, "assignment")).json() == body
    (line,) = actors.viewer.api.get(url(signal, "assignments")).json()["results"]
    assert line | {"id": ""} == {
        "id": "",
        "assignee": person,
        "assigner": person,
        "role_type": ROLE_TYPE,
        "notes": "Mine.",
        "assigned_at": body["assigned_at"],
        "ended_at": None,
        "end_reason": None,
    }
    event = Event.objects.get()
    assert (event.event_type, event.actor, event.signal) == ("assignment", actors.analyst.user, signal)
    assert event.payload == {
        "from": "new",
        "to": "assigned",
        "previous_assignee": None,
        "assignee": person["id"],
        "role_type": ROLE_TYPE,
        "notes": "Mine.",
        "version": 2,
    }


def test_a_new_signal_is_given_to_others_by_who_may_assign(actors: Actors) -> None:
    tries: list[tuple[str, str, Any]] = [
        ("manager", "analyst", 200),
        ("admin", "manager", 200),
        ("analyst", "manager", FORBIDDEN),
        ("viewer", "viewer", FORBIDDEN),
        ("viewer", "analyst", FORBIDDEN),
        ("stranger", "stranger", (404, "not_found")),
        ("key", "admin", 200),  # whoever made it
        ("key", "analyst", FORBIDDEN),
    ]
    for who, to, expected in tries:
        signal = create_signal(actors.organization)
        assert (who, to, outcome(assign(actors[who], signal, actors[to]))) == (who, to, expected)
        assert workflow_of(signal).version == (2 if expected == 200 else 1)
        written = int(expected == 200)
        assert Event.objects.filter(signal=signal).count() == written
        assert Assignment.objects.filter(signal=signal).count() == written


@pytest.mark.parametrize("status", ["assigned", "in_progress"])
def test_what_somebody_has_is_handed_over_by_them_or_by_who_may_assign(actors: Actors, status: str) -> None:
    owner = another(actors)
    for who, reason in {"owner": "handed_over", "manager": "reassigned", "analyst": "", "viewer": ""}.items():
        signal = create_signal(actors.organization, status=status, assignee=owner.user)
        person = owner if who == "owner" else actors[who]
        assert outcome(assign(person, signal, actors.analyst)) == (200 if reason else FORBIDDEN)
        lines = Assignment.objects.filter(signal=signal).order_by("pk")
        history = list(lines.values_list("assignee", "end_reason"))
        workflow = workflow_of(signal)
        if reason:
            assert history == [(id_of(owner), reason), (id_of(actors.analyst), "")]
            assert (workflow.status, workflow.started_at) == ("assigned", None)
            assert workflow.assignee == actors.analyst.user
        else:
            assert history == [(id_of(owner), "")]
            assert workflow.assignee == owner.user


def test_the_same_person_again_is_a_conflict(actors: Actors) -> None:
    signal = create_signal(actors.organization, assignee=actors.analyst.user)
    for person in (actors.analyst, actors.manager):
        assert outcome(assign(person, signal, actors.analyst, role_type="administration")) == NOT_ALLOWED


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_what_is_done_is_given_to_nobody(actors: Actors, status: str) -> None:
    signal = create_signal(actors.organization, status=status, assignee=actors.analyst.user)
    answer = assign(actors.manager, signal, actors.admin)
    assert outcome(answer) == NOT_ALLOWED
    assert answer.json()["allowed"] == {"resolved": ["in_progress", "closed"], "closed": []}[status]


@pytest.mark.parametrize("case", ["viewer", "stranger", "nobody", "left", "locked"])
def test_an_assignee_is_a_member_who_may_work(actors: Actors, signal: Signal, case: str) -> None:
    person = actors[case] if case in {"viewer", "stranger"} else another(actors)
    chosen = uuid.uuid4() if case == "nobody" else id_of(person)
    if case == "left":
        Membership.objects.filter(user=person.user).delete()
    if case == "locked":
        User.objects.filter(pk=chosen).update(is_active=False)
    answer = assign(actors.manager, signal, person, assignee_id=str(chosen))
    assert outcome(answer) == ASSIGNEE_INVALID
    assert answer.json()["errors"][0]["pointer"] == "/assignee_id"
    assert workflow_of(signal).status == "new"


def test_a_role_type_is_named_and_active(actors: Actors, signal: Signal) -> None:
    for wrong in ("", "pharmacy", "x" * 81):
        answer = assign(actors.analyst, signal, actors.analyst, role_type=wrong)
        assert outcome(answer) == (422, "request.invalid")
        assert answer.json()["errors"][0]["pointer"] == "/role_type"
    body = {"assignee_id": str(id_of(actors.analyst))}
    missing = actors.analyst.api.post(url(signal, "assign"), body, format="json")
    assert missing.json()["errors"][0] | {"detail": ""} == {
        "pointer": "/role_type",
        "code": "required",
        "detail": "",
    }
    RoleTypeFactory.create(organization=actors.organization, active=False)
    RoleTypeFactory.create(organization=actors.organization, code="administration")
    assert outcome(assign(actors.analyst, signal, actors.analyst)) == (422, "request.invalid")
    assert outcome(assign(actors.analyst, signal, actors.analyst, role_type="administration")) == 200


def test_who_has_left_is_replaced_by_who_may_assign(actors: Actors) -> None:
    """Edge case 24."""
    owner = another(actors)
    signal = create_signal(actors.organization, assignee=owner.user)
    assert owner.user is not None
    owner.user.delete()
    assert workflow_of(signal).assignee is None
    assert outcome(assign(actors.analyst, signal, actors.analyst)) == FORBIDDEN
    assert outcome(assign(actors.manager, signal, actors.analyst)) == 200
    ends = Assignment.objects.order_by("pk").values_list("assignee", "end_reason")
    assert list(ends) == [(None, "reassigned"), (id_of(actors.analyst), "")]


@pytest.mark.parametrize(
    ("who", "expected"),
    [("owner", 200), ("manager", 200), ("analyst", FORBIDDEN), ("viewer", FORBIDDEN)],
)
def test_an_assigned_signal_is_given_back_and_is_new(actors: Actors, who: str, expected: Any) -> None:
    owner = another(actors)
    signal = create_signal(actors.organization, assignee=owner.user)
    assert outcome(unassign(owner if who == "owner" else actors[who], signal, notes="No.")) == expected
    workflow, line = workflow_of(signal), Assignment.objects.get()
    if expected == 200:
        assert (workflow.status, workflow.assignee, workflow.role_type, workflow.assigned_at) == (
            "new",
            None,
            None,
            None,
        )
        assert (line.end_reason, line.ended_at is None) == ("unassigned", False)
        assert Event.objects.get().payload == {
            "from": "assigned",
            "to": "new",
            "previous_assignee": str(id_of(owner)),
            "assignee": None,
            "notes": "No.",
            "version": 2,
        }
    else:
        assert (workflow.status, line.ended_at) == ("assigned", None)


@pytest.mark.parametrize("status", ["new", "in_progress", "resolved", "closed"])
def test_only_an_assigned_signal_is_given_back(actors: Actors, status: str) -> None:
    signal = create_signal(actors.organization, status=status)
    for person in (actors.manager, actors.analyst):
        assert outcome(unassign(person, signal)) == NOT_ALLOWED
    assert workflow_of(signal).version == 1


def test_a_change_of_another_state_than_the_one_read_is_refused(actors: Actors, signal: Signal) -> None:
    """Edge case 25."""
    read = actors.analyst.api.get(url(signal, "assignment"))
    taken = assign(actors.analyst, signal, actors.analyst, headers={"If-Match": read["ETag"]})
    assert taken.status_code == 200
    assert taken["ETag"] == actors.viewer.api.get(url(signal, "assignment"))["ETag"] != read["ETag"]
    assert taken["Content-Location"] == url(signal, "assignment")
    late = assign(actors.manager, signal, actors.admin, headers={"If-Match": read["ETag"]})
    assert outcome(late) == (412, "precondition.failed")
    assert workflow_of(signal).assignee == actors.analyst.user
    listed = {"If-Match": f'"x", W/{taken["ETag"]}'}
    assert outcome(assign(actors.manager, signal, actors.admin, headers=listed)) == 200
    assert outcome(assign(actors.manager, signal, actors.analyst, headers={"If-Match": "*"})) == 200


def test_the_tag_of_the_signal_itself_is_as_good_as_that_of_its_assignment(
    actors: Actors, signal: Signal
) -> None:
    read = actors.analyst.api.get(url(signal))
    assert read.json()["workflow"]["version"] == 1
    headers = {"If-Match": read["ETag"]}
    assert outcome(assign(actors.analyst, signal, actors.analyst, headers=headers)) == 200
    assert actors.analyst.api.get(url(signal))["ETag"] != read["ETag"]
    assert outcome(assign(actors.manager, signal, actors.admin, headers=headers)) == (
        412,
        "precondition.failed",
    )


def test_a_repeated_call_with_one_key_is_one_assignment(actors: Actors, signal: Signal) -> None:
    headers = {"Idempotency-Key": "take"}
    first = assign(actors.analyst, signal, actors.analyst, headers=headers)
    again = assign(actors.analyst, signal, actors.analyst, headers=headers)
    assert (again.status_code, again.json(), again["ETag"]) == (200, first.json(), first["ETag"])
    assert again["Idempotency-Replayed"] == "true"
    assert workflow_of(signal).version == 2


def test_assignees_are_members_who_may_work_with_what_they_have_open(actors: Actors) -> None:
    people = [actors.analyst, actors.manager, actors.admin]
    assert actors.viewer.user
    assert actors.stranger.user
    for status in ("assigned", "in_progress", "resolved", "closed"):
        create_signal(actors.organization, status=status, assignee=actors.analyst.user)
    found = actors.viewer.api.get("/api/v1/signals/assignees").json()["results"]
    expected = [
        {"id": str(id_of(each)), "name": each.user and each.user.name, "role": each.name, "open": 0}
        for each in people
    ]
    expected[0]["open"] = 2
    assert found == sorted(expected, key=lambda row: str(row["name"]))
    busiest = actors.viewer.api.get("/api/v1/signals/assignees?sort=-open&page_size=1").json()["results"]
    assert [row["open"] for row in busiest] == [2]


def test_lists_of_triage_take_a_constant_number_of_queries(actors: Actors, same_queries: Any) -> None:
    signal = create_signal(actors.organization)
    client = actors.viewer.api

    def hand_over() -> None:
        assign(actors.manager, signal, another(actors))

    def more() -> None:
        create_signal(actors.organization, assignee=another(actors).user)

    same_queries("signals_assignments", hand_over, lambda: client.get(url(signal, "assignments")))
    same_queries("signals_assignees", more, lambda: client.get("/api/v1/signals/assignees"))
