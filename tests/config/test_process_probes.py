"""The clock and the workers in `/healthz`."""

import datetime as dt

import pytest
from django.db.models.functions import Now

from apps.common import metrics
from apps.common.probes import Degraded
from config import probes
from config.models import ClockState

pytestmark = pytest.mark.django_db(transaction=True)


def ticked(seconds_ago: float) -> None:
    ClockState.objects.all().delete()
    ClockState.objects.create(name="reap_jobs", started_at=Now() - dt.timedelta(seconds=seconds_ago))


def test_a_clock_that_ticks_is_well() -> None:
    ticked(5)
    silent_s = probes.probe_beat()["silent_s"]
    assert 5 <= silent_s < 60


@pytest.mark.parametrize("seconds_ago", [181, 3_600])
def test_a_silent_clock_is_seen_after_three_minutes(seconds_ago: int) -> None:
    ticked(seconds_ago)
    with pytest.raises(Degraded):
        probes.probe_beat()
    assert b"sextant_beat_silent_seconds" in metrics.exposition()


def test_a_clock_that_never_ticked_is_not_well() -> None:
    ClockState.objects.all().delete()
    with pytest.raises(Degraded):
        probes.probe_beat()


def test_no_worker_is_not_well() -> None:
    with pytest.raises(Degraded) as found:
        probes.probe_workers()
    assert found.value.facts == {"workers": 0}
