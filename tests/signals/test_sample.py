"""The sample organization has three analytics runs of one graph, written once and gone with it."""

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts.permissions import system_actor
from apps.signals.models import Graph, Run
from apps.signals.sample import first_period, make_sample, remove_sample
from apps.signals.services import start_pipeline
from tests.factories.accounts import OrganizationFactory
from tests.factories.signals import GraphFactory

pytestmark = pytest.mark.django_db


def test_three_runs_are_written_once_and_pass_the_gate() -> None:
    owner, now = OrganizationFactory.create(), timezone.now()

    runs = make_sample(owner, now=now)

    assert [run.revision for run in runs] == [1, 1, 1]
    assert runs[-1].started_at <= now < runs[-1].started_at + dt.timedelta(days=62)
    assert make_sample(owner, now=now) == []
    for run in runs:
        assert start_pipeline(actor=system_actor(owner), run=run).whole_pipeline  # type: ignore[union-attr]
    assert [folder.name for folder in Path(settings.RUNS_ROOT).iterdir()] == ["sample_hospitals"]

    remove_sample(OrganizationFactory.create())
    assert Path(settings.RUNS_ROOT, "sample_hospitals").exists()
    remove_sample(owner)
    assert not Path(settings.RUNS_ROOT, "sample_hospitals").exists()


def test_an_organization_with_graphs_gets_none() -> None:
    graph = GraphFactory.create()
    assert make_sample(graph.organization, now=timezone.now()) == []
    assert not Run.objects.exists()


def test_nothing_invented_is_written_among_the_runs_of_others() -> None:
    theirs = Path(settings.RUNS_ROOT, "insight_graph", "theirs", "20260415120000")
    theirs.mkdir(parents=True)
    (theirs / "run_manifest.json").write_text("{}")

    assert make_sample(OrganizationFactory.create(), now=timezone.now()) == []

    assert [folder.name for folder in Path(settings.RUNS_ROOT).iterdir()] == ["insight_graph"]
    assert not Graph.objects.exists()


def test_the_folder_of_somebody_else_is_left_alone() -> None:
    theirs = GraphFactory.create(root="sample_hospitals")
    assert make_sample(OrganizationFactory.create(), now=timezone.now()) == []
    assert Graph.objects.get() == theirs


@pytest.mark.parametrize(
    ("today", "month"),
    [
        ("2026-11-29", "202509"),
        ("2026-11-15", "202508"),
        ("2026-11-16", "202509"),
        ("2026-01-20", "202411"),
        ("2026-02-01", "202411"),
    ],
)
def test_the_newest_run_is_the_newest_that_can_be(today: str, month: str) -> None:
    assert first_period(dt.datetime.fromisoformat(f"{today}T00:00:00+00:00")) == month
