"""The whole project built again: another polarity turns the rules, a renamed column breaks its contract."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.common import jobs
from apps.signals import services
from apps.signals.building import project
from apps.signals.models import DbtBuild, MetricPolicy, Run, RunFinding
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.databases import working_folders
from tests.signals.small_project import copy_project
from tests.signals.test_rules_in_sql import compare

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_after")]


def build(actors: Actors, runs: list[Run], **options: Any) -> DbtBuild:
    actors.__dict__["organization"] = runs[0].organization
    row = services.start_build(actor=actors.admin.actor, runs=runs, **options)
    with working_folders():
        jobs.execute("signals.build", row.pk)
    row.refresh_from_db()
    return row


def others(run: Run) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, signal_key, xmin::text FROM public_marts.fct_signals WHERE run_id <> %s"
            " ORDER BY run_id, signal_key",
            [run.pk],
        )
        return list(cursor.fetchall())


def hashes(run: Run) -> dict[Any, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT signal_key, content_hash FROM public_marts.fct_signals WHERE run_id = %s", [run.pk]
        )
        return {key: bytes(value) for key, value in cursor.fetchall()}


@pytest.mark.parametrize("polarity", [None, "higher_is_better", "neutral"])
def test_a_policy_turns_the_rules_of_its_organization_alone(
    made_runs: list[Run], actors: Actors, polarity: str | None
) -> None:
    run = made_runs[0]
    before, untouched = hashes(run), others(run)
    if polarity:
        MetricPolicy.objects.create(organization=run.organization, metric_id="losIndex", polarity=polarity)

    row = build(actors, [run])

    assert row.status == "succeeded", row.log_tail
    # Without a change the same content; with one SQL goes on agreeing with Python.
    assert (hashes(run) == before) == (polarity is None)
    assert compare(run) == len(before)
    assert others(run) == untouched


def test_a_renamed_mart_column_breaks_the_contract(
    made_runs: list[Run], actors: Actors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_project(tmp_path / "project", whole=True)
    model = folder / "models" / "marts" / "dim_metrics.sql"
    model.write_text(model.read_text().replace("named.unit_type,", "named.unit_type as unit,"))
    monkeypatch.setattr(project, "PROJECT", folder)

    row = build(actors, made_runs[:1])

    assert (row.status, row.error_code) == ("failed", "signals.dbt_failed")
    made_runs[0].refresh_from_db()
    assert made_runs[0].status == RunStatus.BUILD_FAILED
    failed = RunFinding.objects.filter(run=made_runs[0], code="build.node_failed")
    assert "contract" in failed.get(message__contains="dim_metrics").message
