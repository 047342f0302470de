"""How a build ends: well, with warnings, failed, crashed, stopped, without dbt, or not yet."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.common import jobs
from apps.signals import services
from apps.signals.building import locking, project
from apps.signals.building.locking import build_lock
from apps.signals.models import DbtBuild, DbtModel, DbtResult, Run, RunFinding
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.databases import working_folders
from tests.signals.small_project import add, add_test, copy_project, script

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_after")]
Build = Callable[..., DbtBuild]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small project in place of the platform's, with folders of its own."""
    folder = copy_project(tmp_path / "project")
    monkeypatch.setattr(project, "PROJECT", folder)
    with working_folders():
        yield folder


@pytest.fixture
def build(built_runs: list[Run], small: Path, actors: Actors) -> Build:
    """Build the first run by the job."""

    def build_first(**options: Any) -> DbtBuild:
        row = services.start_build(actor=actors.admin.actor, runs=built_runs[:1], **options)
        jobs.execute("signals.build", row.pk)
        row.refresh_from_db()
        return row

    return build_first


def findings(run: Run) -> set[tuple[str, str]]:
    rows = RunFinding.objects.filter(run=run, code__startswith="build.")
    return set(rows.values_list("code", "severity"))


def status_of(run: Run) -> str:
    run.refresh_from_db()
    return str(run.status)


def test_a_good_build_leaves_results_models_and_artifacts(build: Build, built_runs: list[Run]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public_marts.fct_signals__dbt_backup (x integer)")
        cursor.execute("CREATE VIEW public_staging.stg_nodes__dbt_tmp AS SELECT 1 AS x")

    row = build()

    assert (row.status, row.exit_code, row.node_count, row.stage) == ("succeeded", 0, 1, "1/1 stg_nodes")
    assert row.dbt_version.startswith("1.11.")
    assert "Completed successfully" in row.log_tail
    assert list(DbtResult.objects.filter(build=row).values_list("unique_id", "status")) == [
        ("model.sextant.stg_nodes", "success")
    ]
    (model,) = DbtModel.objects.filter(organization=row.organization)
    assert (model.name, model.layer, model.schema) == ("stg_nodes", "staging", "public_staging")
    assert {"name": "run_id", "type": "uuid", "description": ""} in model.columns
    assert status_of(built_runs[0]) == RunStatus.BUILT
    assert default_storage.exists(f"signals/dbt/{row.organization_id}/{row.pk}.manifest.json")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_dbt\\_%'")
        assert cursor.fetchone() == (0,)

    again = build()
    assert again.manifest_sha256 == row.manifest_sha256
    assert not default_storage.exists(f"signals/dbt/{row.organization_id}/{row.pk}.manifest.json")


def test_a_failed_model_fails_the_build_and_is_a_finding(
    build: Build, small: Path, built_runs: list[Run]
) -> None:
    add(
        small, "models/marts/broken.sql", "{{ config(contract={'enforced': false}) }}\nselect 1 / 0 as run_id"
    )

    row = build()

    assert (row.status, row.error_code, row.exit_code) == ("failed", "signals.dbt_failed", 1)
    assert "broken" in row.error_detail
    assert status_of(built_runs[0]) == RunStatus.BUILD_FAILED
    assert built_runs[0].error_code == "signals.dbt_failed"
    finding = RunFinding.objects.get(run=built_runs[0], code="build.node_failed")
    assert finding.severity == "error"
    assert "division by zero" in finding.message
    assert DbtResult.objects.get(build=row, unique_id="model.sextant.broken").status == "error"


def test_a_failed_error_test_stops_the_run_before_hydration(
    build: Build, small: Path, built_runs: list[Run]
) -> None:
    add_test(small, severity="error")

    row = build()

    assert row.error_code == "signals.dbt_failed"
    assert status_of(built_runs[0]) == RunStatus.BUILD_FAILED
    assert findings(built_runs[0]) == {("build.node_failed", "error")}


def test_a_failed_warn_test_is_a_finding_and_nothing_more(
    build: Build, small: Path, built_runs: list[Run]
) -> None:
    add_test(small, severity="warn")

    row = build()

    assert row.status == "succeeded"
    assert status_of(built_runs[0]) == RunStatus.BUILT
    assert ("build.test_warned", "warn") in findings(built_runs[0])
    assert RunFinding.objects.get(run=built_runs[0], code="build.test_warned").count > 1


def test_a_project_that_cannot_be_read_is_a_crash(build: Build, small: Path, built_runs: list[Run]) -> None:
    add(small, "models/staging/odd.sql", "{{ no_such_macro( }}")

    row = build()

    assert (row.status, row.error_code) == ("failed", "signals.dbt_crashed")
    assert status_of(built_runs[0]) == RunStatus.BUILD_FAILED


def test_nothing_to_do_is_a_crash_and_a_part_leaves_the_run_alone(
    build: Build, built_runs: list[Run]
) -> None:
    nothing = build(select="no_such_model")
    assert (nothing.status, nothing.error_code) == ("failed", "signals.dbt_crashed")

    some = build(select="stg_nodes")
    assert (some.status, some.node_count) == ("succeeded", 1)
    assert status_of(built_runs[0]) == RunStatus.BUILT


def test_a_crash_is_tried_once_more_without_the_kept_parse_file(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = project.workplace("public").kept_parse
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"not what dbt wrote")
    dbt = project.EXECUTABLE
    fragile = script(
        tmp_path / "dbt", f'case "$*" in *--partial-parse-file-path*) kill -9 $$;; esac\nexec {dbt} "$@"'
    )
    monkeypatch.setattr(project, "EXECUTABLE", fragile)

    assert build().status == "succeeded"
    assert kept.read_bytes() != b"not what dbt wrote"


def test_dbt_that_takes_too_long_is_stopped_with_its_children(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, built_runs: list[Run]
) -> None:
    settings.SIGNALS_DBT_TIMEOUT_S = 2
    noted = tmp_path / "child"
    monkeypatch.setattr(
        project, "EXECUTABLE", script(tmp_path / "dbt", f"sleep 600 &\necho $! > {noted}\nwait")
    )

    row = build()

    assert row.error_code == "signals.dbt_timed_out"
    assert status_of(built_runs[0]) == RunStatus.BUILD_FAILED
    assert is_gone(int(noted.read_text()))


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, waiting a moment for the kernel to reap it."""
    for _ in range(3_000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_dbt_that_is_not_there_is_said_so(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_runs: list[Run]
) -> None:
    monkeypatch.setattr(project, "EXECUTABLE", tmp_path / "dbt")

    row = build()

    assert (row.status, row.error_code) == ("failed", "signals.dbt_missing")
    # Nothing was touched: the run was not claimed yet.
    assert status_of(built_runs[0]) == RunStatus.BUILT


def test_a_build_that_finds_another_waits_and_does_not_fail(
    build: Build, monkeypatch: pytest.MonkeyPatch, built_runs: list[Run]
) -> None:
    monkeypatch.setattr(locking, "WAIT_MS", 20)
    with build_lock("public") as lock:
        assert lock is not None
        row = build()

    assert (row.status, row.attempt, row.error_code) == ("queued", 0, "")
    assert row.run_after is not None
    # Meanwhile another build can be queued beside it, and is joined by both runs' next one.
    assert status_of(built_runs[0]) == RunStatus.BUILT
    DbtBuild.objects.filter(pk=row.pk).update(run_after=timezone.now() - timedelta(seconds=1))
    jobs.execute("signals.build", row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded"


def test_a_build_waits_for_the_hydration_of_its_run(build: Build, built_runs: list[Run]) -> None:
    Run.objects.filter(pk=built_runs[0].pk).update(status=RunStatus.HYDRATING)

    row = build()

    assert (row.status, row.attempt) == ("queued", 0)
    assert status_of(built_runs[0]) == RunStatus.HYDRATING


def test_a_run_that_a_lost_build_left_is_released(build: Build, built_runs: list[Run]) -> None:
    Run.objects.filter(pk=built_runs[1].pk).update(status=RunStatus.BUILDING)

    assert build().status == "succeeded"
    assert status_of(built_runs[1]) == RunStatus.BUILD_FAILED
