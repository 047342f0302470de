"""A load whose process is killed anywhere ends, run again, exactly as if nothing had happened."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.common import jobs
from apps.signals.loading import pool
from apps.signals.models import Run, RunFile, RunLoad
from apps.signals.raw_schema import RAW_TABLES
from apps.signals.states import RunStatus
from apps.signals.storage import raw
from tests.furniture.nursery import Nursery
from tests.signals.load.runs import RUN, Load, copy_run, left_tables

pytestmark = pytest.mark.django_db(transaction=True)
# The worker of this story: a process of its own that runs one job and nothing else.
WORKER = """
import sys
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from apps.common import jobs
from apps.signals.loading import pool
pool.ALONE_BYTES = 0
jobs.execute("signals.load", sys.argv[2])
"""
FILE = ("path", "role", "bytes", "sha256", "lines")
# In this order, so that each finds what the one before has left.
POINTS = (
    "load.claimed",
    "load.tables_made",
    "load.copied:9",
    "load.indexed:2",
    "load.finished",
    "load.before_commit",
    "load.committed",
)


def end_state() -> dict[str, Any]:
    """Return everything a load leaves, but for what is drawn anew."""
    run = Run.objects.get()
    state: dict[str, Any] = {
        "run": [run.status, run.manifest_sha256, run.line_count, run.entity_count, run.data_period],
        "files": list(RunFile.objects.order_by("path").values_list(*FILE)),
        "findings": list(run.findings.order_by("code").values_list("code", "severity", "count")),
        "left": left_tables(),
    }
    with connection.cursor() as cursor:
        for table in RAW_TABLES:
            columns = ", ".join(f"raw.{name}" for name, _ in table.columns[2:])
            cursor.execute(
                f"SELECT file.path, {columns} FROM {table.name} raw"
                " JOIN signals_run_file file ON file.id = raw.file_id ORDER BY file.path, raw.line_no"
            )
            state[table.name] = cursor.fetchall()
    return state


def forget() -> None:
    """Leave nothing of what was loaded."""
    for run in Run.objects.all():
        raw.drop_run(run.pk)
    RunLoad.objects.all().delete()
    RunFile.objects.all().delete()
    Run.objects.all().delete()


def die(nursery: Nursery, row: RunLoad, point: str, root: Path) -> None:
    """Run the load in a process of its own, which dies at the point."""
    name = connection.settings_dict["NAME"]
    code = nursery.run(WORKER, name, row.pk, SIGNALS_FAULT=point, RUNS_ROOT=str(root))
    assert code == -signal.SIGKILL, nursery.errors


def test_a_load_that_is_killed_everywhere_ends_as_an_undisturbed_one(
    load: Load, pristine: Path, tmp_path: Path, nursery: Nursery
) -> None:
    copy_run(pristine, tmp_path)
    assert load(RUN)[0] == 0
    undisturbed = end_state()
    forget()

    assert load(RUN)[0] == 0
    row = RunLoad.objects.get()
    raw.drop_run(row.run_id)
    RunFile.objects.all().delete()
    Run.objects.update(status=RunStatus.READY)
    RunLoad.objects.update(status="queued", attempt=0)
    for point in POINTS:
        die(nursery, row, point, tmp_path)
        # A row whose worker died three times would be given up.
        RunLoad.objects.update(workers_lost=0, attempt=0)
    jobs.execute("signals.load", row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded"
    assert end_state() == undisturbed


def test_processes_side_by_side_load_what_one_alone_loads(
    load: Load, pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_run(pristine, tmp_path)
    assert load(RUN)[0] == 0
    alone = end_state()
    forget()

    monkeypatch.setattr(pool, "ALONE_BYTES", 0)
    assert load(RUN)[0] == 0
    assert end_state() == alone


def test_a_killed_copying_process_is_a_passing_fault(
    load: Load, pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_run(pristine, tmp_path)
    monkeypatch.setattr(pool, "ALONE_BYTES", 0)
    give = pool._Worker.give
    killed: list[int] = []

    def kill_the_first(worker: Any, task: Any) -> None:
        if not killed:
            killed.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
        give(worker, task)

    monkeypatch.setattr(pool._Worker, "give", kill_the_first)
    monkeypatch.setattr("apps.common.jobs.lifecycle.BACKOFF_S", (0,))
    code, report = load(RUN)
    assert (code, report["run_status"]) == (0, RunStatus.LOADED)
    assert RunLoad.objects.get().attempt == 2
