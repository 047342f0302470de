"""The clocks: declared in code, edited by operators."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from django_celery_beat.models import PeriodicTask

from apps.accounts.models import AuditEntry
from config import schedule
from config.models import ClockState
from config.tasks import tick
from tests.accounts.test_admin import operator  # noqa: F401 - a fixture

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
    """Edge case 15."""
    schedule.sync()
    task = PeriodicTask.objects.get(name="sextant:reap_jobs")
    task.enabled = False
    task.save()
    schedule.sync()
    task.refresh_from_db()
    assert task.enabled is False


def test_a_clock_gone_from_code_is_switched_off_and_others_tables_are_left_alone() -> None:
    """Edge case 15."""
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


def test_a_clock_that_nobody_edited_follows_the_code_and_an_edited_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule.sync()
    edited = PeriodicTask.objects.get(name="sextant:drop_segments")
    schedule.set_times(edited, schedule.Clock("drop_segments", "", every_s=7))
    faster = [replace(clock, every_s=5) if clock.every_s else clock for clock in schedule.CLOCKS]
    monkeypatch.setattr(schedule, "CLOCKS", faster)
    schedule.sync()
    times = {task.name: schedule.times_of(task) for task in PeriodicTask.objects.all()}
    assert times["sextant:reap_jobs"] == {"every_s": 5}
    assert times["sextant:drop_segments"] == {"every_s": 7}


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    monkeypatch.setattr("apps.common.jobs.reap_jobs", lambda: runs.append(1))
    return runs


def test_edge_15_of_two_beats_that_send_the_same_tick_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule.sync()
    runs = count_runs(monkeypatch)
    tick(name="reap_jobs")
    tick(name="reap_jobs")
    assert len(runs) == 1
    tick(name="reap_jobs", is_asked=True)  # an operator's wish is no second beat
    assert len(runs) == 2
    ClockState.objects.update(started_at=timezone.now() - timedelta(seconds=6))
    tick(name="reap_jobs")
    assert len(runs) == 3


def test_the_last_run_and_its_outcome_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule.sync()
    tick(name="reap_jobs")
    state = ClockState.objects.get(name="reap_jobs")
    assert (state.outcome, state.error) == ("succeeded", "")
    assert state.started_at is not None
    assert state.finished_at is not None

    def fail() -> None:
        raise ZeroDivisionError("no rest")

    monkeypatch.setattr("apps.common.jobs.reap_jobs", fail)
    with pytest.raises(ZeroDivisionError):
        tick(name="reap_jobs", is_asked=True)
    state.refresh_from_db()
    assert (state.outcome, state.error) == ("failed", "ZeroDivisionError: no rest")


PAGE = "/admin/config/scheduledclock/"


def send(client: Client, action: str, name: str) -> str:
    row = PeriodicTask.objects.get(name=f"sextant:{name}")
    answer = client.post(PAGE, {"action": action, "_selected_action": [str(row.pk)]}, follow=True)
    return answer.content.decode()


def test_operators_edit_switch_and_reset_clocks_and_see_where_each_stands(
    operator: Client,  # noqa: F811
) -> None:
    schedule.sync()
    task = PeriodicTask.objects.get(name="sextant:drop_segments")
    assert "from code" in operator.get(PAGE).content.decode()

    form = {"enabled": "on", "every_s": "45", "minute": "", "hour": ""}
    assert operator.post(f"{PAGE}{task.pk}/change/", form).status_code == 302
    task = PeriodicTask.objects.get(pk=task.pk)
    assert schedule.times_of(task) == {"every_s": 45}
    assert "edited" in operator.get(PAGE).content.decode()

    for wrong in ({"every_s": "5", "minute": "5"}, {"minute": "sixty"}, {"every_s": "0"}, {}):
        page = operator.post(f"{PAGE}{task.pk}/change/", {"enabled": "on"} | wrong)
        assert page.status_code == 200, wrong
    assert schedule.times_of(PeriodicTask.objects.get(pk=task.pk)) == {"every_s": 45}

    send(operator, "switch_off", "drop_segments")
    assert PeriodicTask.objects.get(pk=task.pk).enabled is False
    send(operator, "back_to_code", "drop_segments")
    task = PeriodicTask.objects.get(pk=task.pk)
    assert (task.enabled, schedule.times_of(task)) == (True, {"every_s": 120})
    verbs = AuditEntry.objects.filter(verb__startswith="schedule.").values_list("verb", flat=True)
    assert sorted(verbs) == ["schedule.clock_changed", "schedule.clock_changed", "schedule.clock_reset"]


def test_run_now_sends_the_tick_as_asked_for(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    schedule.sync()
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, **message: sent.append(message))
    send(operator, "run_now", "prune")
    assert [message["kwargs"] for message in sent] == [{"name": "prune", "is_asked": True}]


def test_a_clock_gone_from_code_can_only_stay_off(operator: Client) -> None:  # noqa: F811
    schedule.sync()
    interval = PeriodicTask.objects.get(name="sextant:reap_jobs").interval
    PeriodicTask.objects.create(name="sextant:old", task="sextant.tick", interval=interval, enabled=False)
    assert "gone from code" in operator.get(PAGE).content.decode()
    assert "not in the code any more" in send(operator, "switch_on", "old")
    assert PeriodicTask.objects.get(name="sextant:old").enabled is False
