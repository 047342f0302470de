"""A build whose worker was killed anywhere ends, run again, as an undisturbed one; two at once do no harm."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.common import jobs
from apps.signals import services
from apps.signals.building import project
from apps.signals.models import DbtBuild, DbtModel, DbtResult, Run, RunFinding
from apps.signals.states import RunStatus
from tests.furniture.nursery import Nursery
from tests.furniture.people import Actors
from tests.signals.databases import working_folders
from tests.signals.small_project import add, copy_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_after")]
# Processes of their own on the test's database: one runs the job, the other the command.
WORKER: Final = """
import sys
from pathlib import Path
from django.conf import settings
from django.db import connection
from apps.common import jobs
from apps.signals.building import project
from tests.furniture.storage import storages_in
connection.settings_dict["NAME"] = sys.argv[1]
project.PROJECT, settings.VAR_DIR, media = map(Path, sys.argv[2:5])
settings.STORAGES = storages_in(media)
jobs.execute("signals.build", sys.argv[5])
"""
COMMANDER: Final = """
import sys, django
django.setup()
from pathlib import Path
from django.core.management import call_command
from django.db import connection
from apps.signals.building import project
connection.settings_dict["NAME"] = sys.argv[1]
project.PROJECT = Path(sys.argv[2])
call_command(*sys.argv[3:])
"""
MART: Final = """
{{ config(materialized='incremental', unique_key='run_id', contract={'enforced': false}) }}
select run_id, node_id, entity_hash, metric_value from {{ source('raw', 'raw_entity_results') }}
where {{ in_runs() }}
"""
TWIN: Final = "public_marts.twin"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A small project with one incremental table."""
    copied = copy_project(tmp_path / "project")
    add(copied, "models/marts/twin.sql", MART)
    monkeypatch.setattr(project, "PROJECT", copied)
    with working_folders():
        yield copied


def die(nursery: Nursery, folder: Path, row: DbtBuild, fault: str) -> None:
    name = connection.settings_dict["NAME"]
    folders = (folder, settings.VAR_DIR, settings.MEDIA_ROOT)
    code = nursery.run(WORKER, name, *folders, row.pk, SIGNALS_FAULT=fault)
    assert code == -signal.SIGKILL, nursery.errors


def command(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environ = os.environ | {
        "WORK_DIR": str(settings.VAR_DIR),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.signals.worker_settings",
    }
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-c", COMMANDER, name, str(folder), *arguments],
        env=environ,
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def end_state(run: Run) -> dict[str, Any]:
    run.refresh_from_db()
    build = DbtBuild.objects.filter(run_ids=[run.pk]).latest("created_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY node_id, entity_hash)) FROM {TWIN} t"
            " WHERE run_id = %s",
            [run.pk],
        )
        mart = cursor.fetchone()
    return {
        "mart": mart,
        "run": run.status,
        "build": (build.status, build.exit_code, build.node_count),
        "results": sorted(DbtResult.objects.filter(build=build).values_list("unique_id", "status")),
        "models": sorted(DbtModel.objects.filter(organization=run.organization).values_list("name", "layer")),
        "findings": sorted(RunFinding.objects.filter(run=run).values_list("code", "count")),
    }


def test_a_killed_build_ends_as_an_undisturbed_one(
    built_runs: list[Run], folder: Path, actors: Actors, nursery: Nursery
) -> None:
    run = built_runs[0]
    calm = services.start_build(actor=actors.admin.actor, runs=[run])
    jobs.execute("signals.build", calm.pk)
    expected = end_state(run)
    assert expected["build"][:2] == ("succeeded", 0)
    assert expected["mart"][0] > 0

    for point in ("build.claimed", "build.step:2", "build.transformed"):
        row = services.start_build(actor=actors.admin.actor, runs=[run])
        die(nursery, folder, row, point)
        run.refresh_from_db()
        assert run.status == RunStatus.BUILDING
        # The lease of the dead: the clock looks after a minute.
        DbtBuild.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        jobs.reap_jobs()
        jobs.execute("signals.build", row.pk)
        assert end_state(run) == expected, point


def test_two_commands_at_once_both_end_well(built_runs: list[Run], folder: Path) -> None:
    run = built_runs[0]
    named = f"{run.graph.name}/{run.run_id}"
    arguments = ("run_dbt", "--run", named, "--organization", run.organization.slug, "--json")
    told: list[tuple[int, str]] = []

    def follow(child: "subprocess.Popen[str]") -> None:
        with child:
            output, _ = child.communicate(timeout=1_200)
        told.append((child.returncode, output))

    threads = [threading.Thread(target=follow, args=(command(folder, *arguments),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    reports = [json.loads(output.strip().splitlines()[-1]) for _, output in told]
    assert [code for code, _ in told] == [0, 0]
    assert {(each["status"], each["nodes"], each["failed"]) for each in reports} == {("succeeded", 2, 0)}
    assert end_state(run)["run"] == RunStatus.BUILT
