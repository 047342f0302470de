"""Whoever waits for a job sees whether anybody works on its queue."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.common.jobs.beats import note_beat, read_beats
from apps.datasets.models import Import
from tests.factories.datasets import published_dataset
from tests.furniture.people import Actors

URL = "/api/v1/health/workers"


def queues(actors: Actors) -> dict[str, Any]:
    answer = actors.viewer.api.get(URL)
    assert answer.status_code == 200
    return {row["queue"]: row for row in answer.json()["queues"]}


@pytest.mark.parametrize(("age_s", "state", "workers"), [(1, "ok", 1), (70, "degraded", 0), (130, "down", 0)])
def test_a_queue_is_as_its_last_beat(actors: Actors, age_s: int, state: str, workers: int) -> None:
    at = timezone.now() - dt.timedelta(seconds=age_s)
    note_beat("a:1", ["default", "low_priority"], now=at)
    note_beat("b:2", ["low_priority"], now=timezone.now())
    found = queues(actors)
    assert (found["default"]["state"], found["default"]["workers"]) == (state, workers)
    assert dt.datetime.fromisoformat(found["default"]["last_beat_at"]) == at
    assert found["low_priority"]["state"] == "ok"
    assert (found["training"]["state"], found["training"]["last_beat_at"]) == ("down", None)


def test_what_waits_is_counted_with_its_age(actors: Actors) -> None:
    dataset = published_dataset([], organization=actors.organization)
    for minutes in (1, 3):
        row = Import.objects.create(dataset=dataset, options={}, queue="default")
        Import.objects.filter(pk=row.pk).update(queued_at=timezone.now() - dt.timedelta(minutes=minutes))
    found = queues(actors)["default"]
    assert found["queued"] == 2
    assert 179 < found["oldest_queued_s"] < 240
    assert queues(actors)["training"]["queued"] == 0


def test_a_worker_of_yesterday_is_forgotten(actors: Actors) -> None:
    now = timezone.now()
    note_beat("a:1", ["default"], now=now - dt.timedelta(days=1, seconds=1))
    note_beat("b:2", ["default"], now=now)
    assert [beat.worker for beat in read_beats(now=now)] == ["b:2"]
    assert len(read_beats(now=now)) == 1
