"""People who act on the same signals at once: whatever was accepted is there, and versions have no gaps."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import Role
from apps.common.errors import Conflict, DomainError, PreconditionFailed
from apps.signals.models import Assignment, Comment, Event, Signal
from apps.signals.states import WorkflowStatus
from apps.signals.triage_services import add_comment, assign_signal, move_signal, unassign_signal
from tests.factories.accounts import create_member
from tests.factories.signals import ROLE_TYPE, RoleTypeFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import id_of, workflow_of

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8
ACTS_EACH = 40


def act(person: Person, others: list[Person], signal: Signal, dice: random.Random) -> str:
    """Do something at random; return what was accepted, or the class of the refusal."""
    kind = dice.choice(["assign", "unassign", "move", "move", "comment"])
    try:
        if kind == "assign":
            to = dice.choice(others)
            assign_signal(actor=person.actor, signal=signal, assignee_id=id_of(to), role_type=ROLE_TYPE)
        elif kind == "unassign":
            unassign_signal(actor=person.actor, signal=signal)
        elif kind == "move":
            status = dice.choice(
                [WorkflowStatus.IN_PROGRESS, WorkflowStatus.ASSIGNED, WorkflowStatus.RESOLVED]
            )
            code = "fixed" if status == WorkflowStatus.RESOLVED else ""
            move_signal(actor=person.actor, signal=signal, status=status, resolution_code=code)
        else:
            add_comment(actor=person.actor, signal=signal, body="Said.")
    except DomainError as error:
        return type(error).__name__
    return kind


def test_eight_at_once_lose_nothing(actors: Actors) -> None:
    organization = actors.organization
    RoleTypeFactory.create(organization=organization)
    signals = [create_signal(organization) for _ in range(5)]
    people = [
        Person(f"p{n}", organization, create_member(organization, Role.MANAGER), Role.MANAGER)
        for n in range(THREADS)
    ]
    start = threading.Barrier(THREADS)

    def work(number: int) -> Counter[tuple[Signal, str]]:
        dice = random.Random(number)
        done: Counter[tuple[Signal, str]] = Counter()
        start.wait()
        for _ in range(ACTS_EACH):
            signal = dice.choice(signals)
            done[signal, act(people[number], people, signal, dice)] += 1
        connection.close()
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        done = sum(pool.map(work, range(THREADS)), Counter[tuple[Signal, str]]())
    assert {kind for _, kind in done} <= {"assign", "unassign", "move", "comment", "TransitionNotAllowed"}
    assert sum(done.values()) == THREADS * ACTS_EACH
    for signal in signals:
        changes = sum(done[signal, kind] for kind in ("assign", "unassign", "move"))
        events = Event.objects.filter(signal=signal).exclude(event_type="comment")
        versions = sorted(events.values_list("payload__version", flat=True))
        assert versions == list(range(2, changes + 2))
        assert workflow_of(signal).version == changes + 1
        assert Comment.objects.filter(signal=signal).count() == done[signal, "comment"]
        assert Assignment.objects.filter(signal=signal).count() == done[signal, "assign"]
        assert_chained(signal)


def assert_chained(signal: Signal) -> None:
    """Each change starts where the one before ended, and the history tells the same as the workflow."""
    events = Event.objects.filter(signal=signal).exclude(event_type="comment")
    status = "new"
    for payload in sorted(events.values_list("payload", flat=True), key=lambda found: found["version"]):
        assert payload["from"] == status
        status = payload["to"]
    workflow = workflow_of(signal)
    assert workflow.status == status
    still_open = Assignment.objects.filter(signal=signal, ended_at__isnull=True)
    assert [row.assignee for row in still_open] == ([workflow.assignee] if workflow.assignee else [])


def test_of_two_who_read_the_same_version_one_wins(actors: Actors) -> None:
    """Edge case 25."""
    RoleTypeFactory.create(organization=actors.organization)
    signal = create_signal(actors.organization)
    people = [actors.manager, actors.admin]
    assert all(person.actor for person in people)
    start = threading.Barrier(2)

    def take(person: Person) -> str:
        start.wait()
        try:
            assign_signal(
                actor=person.actor,
                signal=signal,
                assignee_id=id_of(person),
                role_type=ROLE_TYPE,
                expected_version=1,
            )
        except (PreconditionFailed, Conflict) as error:
            return type(error).__name__
        finally:
            connection.close()
        return person.name

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(take, people))
    assert "PreconditionFailed" in outcomes
    (winner,) = [person for person in people if person.name in outcomes]
    assert workflow_of(signal).assignee == winner.user
    assert workflow_of(signal).version == 2
