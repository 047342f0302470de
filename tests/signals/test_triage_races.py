"""People who act on the same signals at once: whatever was accepted is there, and versions have no gaps."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import Role
from apps.common.errors import Conflict, PreconditionFailed
from apps.signals.triage_services import assign_signal
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
