"""People who act on the same signals at once: whatever was accepted is there, and versions have no gaps."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, transaction

from apps.accounts.models import Role
from apps.common.errors import Conflict, PreconditionFailed
from apps.signals.models import Workflow
from apps.signals.states import WorkflowStatus
from apps.signals.triage_services import assign_signal, move_signal
from tests.factories.accounts import create_member
from tests.factories.signals import ROLE_TYPE, RoleTypeFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import Done, act_at_random, assert_nothing_lost, id_of, workflow_of

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8
ACTS_EACH = 40


def test_eight_at_once_lose_nothing(actors: Actors) -> None:
    organization = actors.organization
    RoleTypeFactory.create(organization=organization)
    signals = [create_signal(organization) for _ in range(5)]
    people = [
        Person(f"p{n}", organization, create_member(organization, Role.MANAGER), Role.MANAGER)
        for n in range(THREADS)
    ]
    start = threading.Barrier(THREADS)

    def work(number: int) -> Done:
        dice = random.Random(number)
        done = Done()
        start.wait()
        for _ in range(ACTS_EACH):
            signal = dice.choice(signals)
            done[signal.pk, act_at_random(people[number], people, signal, dice)] += 1
        connection.close()
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        done = sum(pool.map(work, range(THREADS)), Done())
    assert sum(done.values()) == THREADS * ACTS_EACH
    for signal in signals:
        assert_nothing_lost(signal, done)


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


def wait_for_a_lock() -> None:
    """Return once another connection waits for a lock that this one holds."""
    # Not by pg_stat_activity, which a transaction reads once.
    blocked = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    for _ in range(3_000):
        with connection.cursor() as cursor:
            cursor.execute(blocked)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_whoever_waited_sees_the_assignee_that_the_first_has_set(actors: Actors) -> None:
    RoleTypeFactory.create(organization=actors.organization)
    signal = create_signal(actors.organization)
    give = partial(assign_signal, actor=actors.manager.actor, signal=signal, role_type=ROLE_TYPE)
    give(assignee_id=id_of(actors.manager))
    assert actors.manager.actor

    def start() -> Workflow:
        try:
            return move_signal(actor=actors.manager.actor, signal=signal, status=WorkflowStatus.IN_PROGRESS)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            give(assignee_id=id_of(actors.admin))
            waiting = pool.submit(start)
            wait_for_a_lock()
        moved = waiting.result()
    assert (moved.status, moved.version) == (WorkflowStatus.IN_PROGRESS, 4)
    assert moved.assignee == actors.admin.user
