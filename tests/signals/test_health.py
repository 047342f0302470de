"""The health of signals: what waits, what failed, how old the last hydration is, how much lies there."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.common.metrics import exposition
from apps.common.probes import Degraded
from apps.signals.models import Hydration, Run, RunLoad
from apps.signals.probes import probe_signals
from apps.signals.states import RunStatus
from tests.factories.signals import RunFactory, SignalFactory
from tests.signals.mart_rows import add_metric, add_raw
from tests.signals.marts import make_marts

pytestmark = pytest.mark.django_db


def test_without_anything_all_is_well() -> None:
    facts = probe_signals()
    assert facts["oldest_waiting_run_s"] == 0
    assert facts["failed_stages"] == {"load": 0, "build": 0, "hydrate": 0}
    assert facts["last_hydration_age_s"] is None
    assert (facts["raw_bytes"], facts["mart_bytes"] >= 0) == (0, True)


def test_sizes_and_the_age_of_the_last_hydration_are_told() -> None:
    before = probe_signals()["mart_bytes"]
    run = RunFactory.create()
    make_marts()
    add_metric(run)
    add_raw(run, "raw_narratives", facility_id="F1", body="x" * 1_000)
    for minutes, dry_run in ((60, False), (10, False), (1, True)):
        Hydration.objects.create(
            organization=run.organization, graph=run.graph, run=run, status="succeeded", dry_run=dry_run,
            finished_at=timezone.now() - dt.timedelta(minutes=minutes),
        )  # fmt: skip

    facts = probe_signals()

    assert 590 < facts["last_hydration_age_s"] < 660
    assert facts["raw_bytes"] > 1_000
    assert facts["mart_bytes"] > before


def test_a_run_that_waits_long_is_told() -> None:
    run = RunFactory.create(status=RunStatus.WAITING)
    assert probe_signals()["oldest_waiting_run_s"] < 60
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - dt.timedelta(hours=2))
    with pytest.raises(Degraded) as caught:
        probe_signals()
    assert caught.value.facts["oldest_waiting_run_s"] > 7_000


def test_a_stage_that_failed_of_late_is_told_until_it_is_discarded() -> None:
    run = RunFactory.create()
    load = RunLoad.objects.create(
        organization=run.organization, run=run, status="failed", finished_at=timezone.now()
    )
    with pytest.raises(Degraded) as caught:
        probe_signals()
    assert caught.value.facts["failed_stages"] == {"load": 1, "build": 0, "hydrate": 0}
    RunLoad.objects.filter(pk=load.pk).update(discarded_at=timezone.now())
    probe_signals()


def test_figures_count_signals_and_runs() -> None:
    signal = SignalFactory.create()
    SignalFactory.create(graph=signal.graph, absent_since_run=signal.first_run)
    text = exposition().decode()
    assert "sextant_signals 1.0" in text
    assert 'sextant_signals_runs{status="hydrated"} 1.0' in text
    assert 'sextant_signals_runs{status="pruned"} 0.0' in text
