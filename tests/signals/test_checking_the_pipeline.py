"""check_pipeline finds nothing in an undisturbed run, and names file and line of one changed digit."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from apps.accounts.models import Organization
from apps.signals.models import Observation, Run, Signal
from apps.signals.storage.places import folder_of
from tests.furniture.people import Actors
from tests.signals.stories import hydrate

pytestmark = pytest.mark.django_db


def check(organization: Organization, capsys: Any, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command; returns its exit code and its checks by name."""
    capsys.readouterr()
    try:
        call_command("check_pipeline", "--organization", organization.slug, "--json", *arguments)
        code = 0
    except SystemExit as end:
        code = int(str(end.code))
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return code, {check["name"]: check for check in found["checks"]}


def test_an_undisturbed_run_passes_every_check(built_runs: list[Run], actors: Actors, capsys: Any) -> None:
    assert actors.viewer.user
    for run in built_runs[:2]:
        hydrate(run)
    code, checks = check(actors.organization, capsys, "--statistics")
    assert (code, [name for name, found in checks.items() if not found["ok"]]) == (0, []), checks
    assert checks["signals"]["checked"] == checks["entities"]["checked"] >= 88
    assert checks["formulas"]["checked"] == built_runs[1].entity_count
    assert checks["answer"]["checked"] == 5
    earlier = f"{built_runs[0].graph.name}/{built_runs[0].run_id}"
    assert check(actors.organization, capsys, "--run", earlier)[0] == 0


def test_one_changed_digit_is_named_by_file_and_line(
    built_runs: list[Run], actors: Actors, capsys: Any, settings: Any, tmp_path: Path
) -> None:
    run = built_runs[0]
    hydrate(run)
    copy = tmp_path / run.graph.root / run.run_id
    copy_tree(folder_of(run), copy)
    settings.RUNS_ROOT = str(tmp_path)
    path = next((copy / "results" / "nodes").glob("*aggregate_time_period.jsonl"))
    lines = path.read_text().splitlines(keepends=True)
    lines[4] = re.sub(
        r'("simple_zscore": ?-?\d\.)(\d)', lambda m: m[1] + str((int(m[2]) + 5) % 10), lines[4], count=1
    )
    path.write_text("".join(lines))

    code, checks = check(actors.organization, capsys, "--statistics")

    named = f"results/nodes/{path.name}:5"
    assert code == 1
    assert checks["files"]["problems"] == [f"{named}: changed since it was loaded"]
    assert any(problem.startswith(named) for problem in checks["formulas"]["problems"])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        (
            "signals",
            lambda: Signal.objects.filter(pk=Signal.objects.first().pk).update(
                absent_since_run=Run.objects.first()
            ),
        ),
        ("hashes", lambda: Signal.objects.filter(pk=Signal.objects.first().pk).update(peer_mean=7.0)),
        (
            "hashes",
            lambda: Observation.objects.filter(pk=Observation.objects.first().pk).update(metric_value=7.0),
        ),
        ("severities", lambda: execute("UPDATE public_marts.fct_signals SET severity = severity + 60")),
        ("reported", lambda: execute("UPDATE public_marts.fct_signals SET reported_type = 'recovering'")),
        (
            "shares",
            lambda: execute("UPDATE public_marts.fct_contributions SET weight_share = weight_share * 2"),
        ),
        ("entities", lambda: execute("DELETE FROM public_marts.fct_signals WHERE facility_id = 'FAC001'")),
        ("lines", lambda: execute("DELETE FROM raw_classifications WHERE line_no = 3")),
    ],
)
def test_what_was_spoiled_is_found(
    built_runs: list[Run], actors: Actors, capsys: Any, name: str, spoil: Any
) -> None:
    hydrate(built_runs[0])
    spoil()
    code, checks = check(actors.organization, capsys)
    assert code == 1
    assert not checks[name]["ok"]


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def copy_tree(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
