"""Signals are moved while runs are hydrated: both succeed, and neither loses what the other did."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import Role
from apps.common.db import JobStatus
from apps.signals.models import Run, Signal
from tests.factories.accounts import create_member
from tests.factories.signals import RoleTypeFactory
from tests.furniture.people import Actors, Person
from tests.signals.stories import hydrate
from tests.signals.triage import Done, act_at_random, assert_nothing_lost

THREADS = 6
SIGNALS = 25
ACTS_EACH_MIN = 15


@pytest.mark.django_db(transaction=True)
def test_people_and_hydrations_do_not_get_into_each_others_way(
    built_runs: list[Run], actors: Actors, fresh_after: None
) -> None:
    """Edge case 7."""
    organization = built_runs[0].organization
    first, *later = built_runs
    assert hydrate(first).status == JobStatus.SUCCEEDED
    RoleTypeFactory.create(organization=organization)
    signals = list(Signal.objects.order_by("severity", "pk")[:SIGNALS])
    people = [
        Person(f"p{n}", organization, create_member(organization, Role.MANAGER), Role.MANAGER)
        for n in range(THREADS)
    ]
    is_hydrated = threading.Event()

    def work(number: int) -> Done:
        dice, done = random.Random(number), Done()
        while not is_hydrated.is_set() or sum(done.values()) < ACTS_EACH_MIN:
            signal = dice.choice(signals)
            done[signal.pk, act_at_random(people[number], people, signal, dice)] += 1
        connection.close()
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        workers = [pool.submit(work, number) for number in range(THREADS)]
        try:
            states = [hydrate(run).status for run in later]
        finally:
            is_hydrated.set()
        done = sum((worker.result() for worker in workers), Done())
    assert states == [JobStatus.SUCCEEDED] * len(later)
    for signal in signals:
        assert_nothing_lost(signal, done)
