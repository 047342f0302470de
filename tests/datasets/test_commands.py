"""Commands of datasets do what they say, and their exit codes tell the truth."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts.models import Organization, User
from apps.datasets.models import Dataset, Event, Segment
from apps.signals.models import Graph
from config import demo
from tests.datasets.stories import BAD, ROWS, csv
from tests.factories.accounts import OrganizationFactory

pytestmark = pytest.mark.django_db(transaction=True)

Ingest = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ingest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ingest:
    """Give a function that runs the command on a file with this content; returns exit code and report."""
    OrganizationFactory.create(slug="team")

    def run(content: bytes, *options: str) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "events.csv"
        path.write_bytes(content)
        code = 0
        try:
            call_command("ingest_dataset", str(path), "--organization", "team", "--json", *options)
        except SystemExit as end:
            code = int(end.code or 0)
        report: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        return code, report

    return run


def test_a_file_is_imported_here(ingest: Ingest) -> None:
    code, report = ingest(csv(*ROWS), "--name", "Events", "--zone", "Europe/London")

    assert (code, report["outcome"], report["accepted"]) == (0, "published", 4)
    again, report = ingest(csv(*ROWS), "--dataset", "events")
    assert (again, report["outcome"]) == (0, "unchanged")


def test_too_many_rejects_exit_with_4_and_write_the_evidence(ingest: Ingest, tmp_path: Path) -> None:
    code, report = ingest(csv(*ROWS[:3], BAD), "--rejects", str(tmp_path / "rejects.csv"))

    assert (code, report["error_code"]) == (4, "datasets.too_many_rejects")
    assert "coordinate_out_of_range" in (tmp_path / "rejects.csv").read_text()


def test_an_open_mapping_exits_with_3_and_is_printed(ingest: Ingest) -> None:
    code, report = ingest(b"when,what\n2024-01-01,theft\n")

    assert (code, report["status"]) == (3, "waiting")
    assert report["suggestion"]["decided"] is False


def test_what_cannot_be_read_exits_with_1(ingest: Ingest) -> None:
    code, report = ingest(b"\x89PNG\r\n\x1a\n" + bytes(100))

    assert (code, report["error_code"]) == (1, "datasets.not_a_table")


def test_wrong_usage_exits_with_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("ingest_dataset", str(tmp_path / "none.csv"), "--organization", "team")
    assert refused.value.returncode == 2


def test_a_folder_is_one_import(ingest: Ingest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "months"
    folder.mkdir()
    for number, row in enumerate(ROWS):
        (folder / f"{number}.csv").write_bytes(csv(row))

    call_command("ingest_dataset", str(folder), "--organization", "team", "--json", "--name", "Months")

    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (report["rows_read"], report["accepted"]) == (4, 4)


def test_verify_finds_a_lost_row_and_a_moved_cell(ingest: Ingest, capsys: pytest.CaptureFixture[str]) -> None:
    ingest(csv(*ROWS))
    call_command("verify_dataset", "--all")
    Event.objects.filter(event_no=0).delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE datasets_event SET cell = cell + 1 WHERE event_no = 1")
        cursor.execute("CREATE TABLE datasets_stage_4711 (LIKE datasets_event)")
    capsys.readouterr()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_dataset", "--all", "--json", "--repair")

    assert ended.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert {finding["code"] for finding in report["findings"]} == {"rows", "cells", "orphan_stage"}
    assert report["repaired"] == 1


def test_the_sample_city_has_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for path, seed in zip(paths, ("7", "7", "8"), strict=True):
        call_command("sample_city", "--csv", str(path), "--rows", "500", "--seed", seed)

    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other


def test_the_sample_organization_comes_once_and_goes_without_a_trace(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    (tmp_path / "secrets").mkdir()
    users = User.objects.count()

    call_command("demo")
    call_command("demo")
    dataset = Dataset.objects.get()
    assert (dataset.name, dataset.status) == (demo.DATASET_NAME, "ready")
    assert dataset.current_version is not None
    assert dataset.current_version.event_count == 59_700
    assert Graph.objects.get().runs.filter(loads__isnull=False).count() == 3
    emails = sorted(User.objects.values_list("email", flat=True))
    assert emails == [f"{name}@example.com" for name in ("admin", "analyst", "manager", "viewer")]

    call_command("demo", "--remove")
    assert User.objects.count() == users
    assert not Dataset.objects.exists()
    assert not Segment.objects.exists()
    assert not Event.objects.exists()
    assert list(Organization.objects.values_list("slug", flat=True)) == ["system"]
    assert default_storage.listdir("uploads")[1] == []
    assert not list(Path(settings.RUNS_ROOT).iterdir())
