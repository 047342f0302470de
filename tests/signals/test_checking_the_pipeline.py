"""check_pipeline finds nothing in an undisturbed run, and names file and line of one changed digit."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model

from apps.accounts.models import Organization
from apps.signals.management import foreground
from apps.signals.models import Observation, Run, Signal
from apps.signals.states import RunStatus
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


def test_of_a_named_run_the_newest_hydrated_revision_is_checked_and_named(
    built_runs: list[Run], actors: Actors, capsys: Any
) -> None:
    run = built_runs[0]
    hydrate(run)
    revised = Run.objects.create(
        organization=run.organization,
        graph=run.graph,
        run_id=run.run_id,
        revision=2,
        status=RunStatus.LOADED,
        started_at=run.started_at,
    )
    named = ("--organization", actors.organization.slug, "--run", f"{run.graph.name}/{run.run_id}")
    call_command("check_pipeline", *named, "--json")
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (found["revision"], [each["name"] for each in found["checks"] if not each["ok"]]) == (1, [])
    call_command("check_pipeline", *named)
    assert capsys.readouterr().out.startswith(f"{run.graph.name}/{run.run_id} revision 1\n")

    Run.objects.filter(pk=run.pk).update(status=RunStatus.PRUNED)
    with pytest.raises(CommandError, match="Revision 2 of the run is loaded") as refused:
        call_command("check_pipeline", *named)
    assert refused.value.returncode == foreground.NOTHING_TO_DO
    Run.objects.filter(pk=run.pk).update(status=RunStatus.HYDRATED)
    Run.objects.filter(pk=revised.pk).update(status=RunStatus.HYDRATED)
    call_command("check_pipeline", *named, "--json")
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["revision"] == 2


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
    lines[4] = re.sub(r'("simple_zscore": ?-?\d\.)\d', other_digit, lines[4], count=1)
    path.write_text("".join(lines))

    code, checks = check(actors.organization, capsys, "--statistics")

    named = f"results/nodes/{path.name}:5"
    assert code == 1
    assert checks["files"]["problems"] == [f"{named}: changed since it was loaded"]
    assert any(problem.startswith(named) for problem in checks["formulas"]["problems"])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("signals", lambda: spoil_one(Signal, absent_since_run=Run.objects.first())),
        ("hashes", lambda: spoil_one(Signal, peer_mean=7.0)),
        ("hashes", lambda: spoil_one(Observation, metric_value=7.0)),
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


def spoil_one(model: type[Model], **columns: Any) -> None:
    rows = model._default_manager.order_by("pk")
    rows.filter(pk__in=rows.values("pk")[:1]).update(**columns)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def other_digit(match: re.Match[str]) -> str:
    return f"{match[1]}{(int(match[0][-1]) + 5) % 10}"


def copy_tree(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
