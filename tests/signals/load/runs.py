"""Run folders for the tests of gate and load, and how to load them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.signals.artifacts.gate import Verdict, judge, look_at
from apps.signals.sampling.options import Fault, SampleOptions
from apps.signals.sampling.runs import make_sample_runs

Load = Callable[..., tuple[int, dict[str, Any]]]
SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_samples = pytest.mark.skipif(
    not SAMPLES.exists(), reason="the sample runs of ../shared/data are not here"
)
RUN_ID = "20260215120000"
RUN = f"demo_graph/{RUN_ID}"
AGGREGATE = "results/nodes/losIndex__medicareId__aggregate_time_period.jsonl"


def make_run(root: Path, *faults: Fault, entities: int = 100, runs: int = 1) -> Path:
    """Write generated runs below a root and return the folder of the last."""
    for made in make_sample_runs(SampleOptions(root, entities=entities, runs=runs, faults=faults)):
        path = Path(made.path)
    return path


def copy_run(pristine: Path, root: Path) -> Path:
    """Copy a run, to be spoiled, below a root and return its folder."""
    copy = root / "demo_graph" / pristine.name
    shutil.copytree(pristine, copy)
    return copy


def verdict_of(run: Path) -> Verdict:
    """Return what the gate says of a folder."""
    return judge(look_at(run))


def codes_of(verdict: Verdict) -> set[str]:
    """Return the codes of what keeps a run from being loaded."""
    return {finding.code for finding in verdict.findings if finding.severity == "error"}


def rewrite(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_line(path: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    """Change a line (1-based, without its end) in place."""
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = change(lines[number - 1])
    path.write_bytes(b"\n".join(lines))


def call_load(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `load_run` for the organization `team`; returns exit code and report."""
    code = 0
    try:
        call_command("load_run", *arguments, "--organization", "team", "--json")
    except SystemExit as end:
        code = int(end.code or 0)
    except CommandError as error:
        return error.returncode, {"error": str(error)}
    report: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return code, report


def rows_of(table: str, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Return rows of a raw table, in order."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {columns}")
        return list(cursor.fetchall())


def left_tables() -> list[str]:
    """Return the raw tables of runs that are no partitions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^raw_.*_[0-9a-f]{32}$' AND NOT relispartition"
            " AND relkind = 'r' ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]
