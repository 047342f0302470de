"""The clocks: declared in code, edited by operators."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_celery_beat.models import PeriodicTask

from config import schedule
from config.tasks import tick

pytestmark = pytest.mark.django_db


def test_every_clock_names_a_function_that_exists() -> None:
    for clock in schedule.CLOCKS:
        assert callable(import_string(clock.function)), clock.name
        assert (clock.every_s is None) != (clock.minute is None), f"{clock.name} needs one kind of time"


def test_missing_clocks_are_created_once() -> None:
    created, _ = schedule.sync()
    assert created == [clock.name for clock in schedule.CLOCKS]
    assert schedule.sync() == ([], [])
    task = PeriodicTask.objects.get(name="sextant:reap_jobs")
    assert (task.task, json.loads(task.kwargs)) == ("sextant.tick", {"name": "reap_jobs"})
    assert (task.interval.every, task.queue) == (10, "high_priority")


def test_an_operators_edit_survives_the_next_sync() -> None:
    schedule.sync()
    task = PeriodicTask.objects.get(name="sextant:reap_jobs")
    task.enabled = False
    task.save()
    schedule.sync()
    task.refresh_from_db()
    assert task.enabled is False


def test_a_clock_gone_from_code_is_switched_off_and_others_tables_are_left_alone() -> None:
    schedule.sync()
    interval = PeriodicTask.objects.get(name="sextant:reap_jobs").interval
    gone = PeriodicTask.objects.create(name="sextant:old", task="sextant.tick", interval=interval)
    foreign = PeriodicTask.objects.create(name="mine", task="my.task", interval=interval)
    out = StringIO()
    call_command("sync_schedule", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"created": [], "switched_off": ["old"]}
    gone.refresh_from_db()
    foreign.refresh_from_db()
    assert (gone.enabled, foreign.enabled) == (False, True)


def test_a_tick_runs_its_function() -> None:
    tick(name="reap_jobs")
    with pytest.raises(KeyError):
        tick(name="unheard_of")
