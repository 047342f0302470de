"""The dbt build of a run, beside the same models as views that take the JSON apart whenever they are read.

The peer is our own project with its intermediate models as views, in schemas of its own: each mart and each
test that reads one parses the rows again. Its columns that the loader extracts stay, which favours it.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import yaml
from django.db import connection
from psycopg.sql import SQL, Identifier

from apps.common import jobs
from apps.signals.building.direct import dbt_environment
from apps.signals.building.project import PROJECT, Workplace, build_arguments, dbt_command
from apps.signals.building.running import call
from apps.signals.models import DbtBuild, Run
from apps.signals.services import start_build, start_load
from benchmarks.results import Goal, Row
from benchmarks.signals_ground import Ground
from benchmarks.stage import Stage

# Of which 6,000 have enough peers to be signals.
ENTITIES: Final = 6_153
ENTITIES_QUICK: Final = 200
VIEWS: Final = "JSON parsed in views"
SCHEMA: Final = "bench_views"
LAYERS: Final = ("staging", "intermediate", "marts")
# Whole builds are seen in the next part: here only that both projects still build.
SELECT_QUICK: Final = "+fct_model_experiments +fct_model_drivers"
TIMEOUT_S: Final = 1_800.0


def build_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Build one run as often as there are rounds, in turn with the peer; tests and start of dbt included."""
    (run,) = ground.runs(ENTITIES_QUICK if stage.quick else ENTITIES)
    jobs.execute("signals.load", start_load(actor=ground.actor, run=run).pk)
    select = SELECT_QUICK if stage.quick else ""
    ours: list[float] = []
    views: list[float] = []
    with Views(stage.folder / "dbt_views") as peer:
        for _round in range(stage.rounds):
            ours.append(build(ground, run, select))
            views.append(peer.build(run, select))
            stage.say(f"built in {ours[-1]:.1f} s, with views in {views[-1]:.1f} s")
    what = f"dbt build of a run of {signal_count(run):,} signals, its tests included"
    return [Row(what, "s", ours, {VIEWS: views}, [Goal(at_most=40), Goal(VIEWS, at_most=0.5)])]


def build(ground: Ground, run: Run, select: str) -> float:
    """Build a run by its job, here; returns the seconds."""
    row = start_build(actor=ground.actor, runs=[run], select=select)
    began_s = time.monotonic()
    jobs.execute("signals.build", row.pk)
    seconds = time.monotonic() - began_s
    ended = DbtBuild.objects.get(pk=row.pk)
    if ended.status != "succeeded":
        raise RuntimeError(f"The build has failed: {ended.error_code} {ended.error_detail}")
    return seconds


def signal_count(run: Run) -> int:
    """Return how many of a run's entities have enough peers to be signals."""
    statement = "SELECT count(*) FROM raw_classifications WHERE run_id = %s AND NOT suppressed"
    with connection.cursor() as cursor:
        cursor.execute(statement, [run.pk])
        return int(cursor.fetchone()[0])


class Views:
    """The project with views in the middle; its files and schemas go with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = Workplace(folder / "work")

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(PROJECT, self._folder / "project")
        declared = self._folder / "project" / "dbt_project.yml"
        content: dict[str, Any] = yaml.safe_load(declared.read_text())
        content["models"]["sextant"]["intermediate"] = {
            "+materialized": "view",
            "+schema": "intermediate",
        }
        declared.write_text(yaml.safe_dump(content))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with connection.cursor() as cursor:
            for layer in LAYERS:
                name = Identifier(f"{SCHEMA}_{layer}")
                cursor.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))

    def build(self, run: Run, select: str) -> float:
        """Build a run by dbt alone; returns the seconds."""
        self._place.clear()
        arguments = build_arguments(
            self._place, run_ids=[run.pk], select=select, full_refresh=False, with_kept_parse=True
        )
        project = str(self._folder / "project")
        began_s = time.monotonic()
        ended = call(
            [*dbt_command(), *(project if each == str(PROJECT) else each for each in arguments)],
            environment=dbt_environment(SCHEMA),
            folder=self._place.folder,
            timeout_s=TIMEOUT_S,
            on_step=lambda _step: None,
        )
        seconds = time.monotonic() - began_s
        if ended.exit_code:
            raise RuntimeError(f"The build with views has failed: {ended.tail}")
        self._place.keep_parse()
        return seconds
