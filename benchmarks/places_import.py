"""Imports: rows a second until the last row lies in the stage table, and what publishing adds.

Each figure by wall time and by CPU time: ours reads, indexes and writes through a database server.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

from django.test import override_settings

from benchmarks.places_ground import Ground, Loaded
from benchmarks.places_import_peers import BINARY, DUCKDB, OGR, ORM, Peers
from benchmarks.places_peers import open_duck
from benchmarks.results import Goal, Row
from benchmarks.signals_load import MEGABYTE, watched_memory
from benchmarks.stage import Stage

ROW_PATH_ROWS: Final = 200_000
ROW_PATH_ROWS_QUICK: Final = 20_000
MILLION: Final = 1_000_000
GOALS: Final = (
    Goal(BINARY, at_least=0.45),
    Goal(DUCKDB, at_least=1.0),
    Goal(OGR, at_least=5),
    Goal(ORM, at_least=25),
)
# What the promise speaks of: the columns of an event and nothing beside.
MAPPED: Final[dict[str, Any]] = {
    "fields": {
        "timestamp": {"column": "occurred_at", "formats": ["iso"]},
        "latitude": {"column": "latitude"},
        "longitude": {"column": "longitude"},
        "category": {"column": "category"},
        "value": {"column": "severity"},
    },
    "properties": "none",
}


def import_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Load the first file's mapped columns in every round, the peers between; then both files whole."""
    path = ground.csv(1)
    loads: list[Loaded] = []
    grown: list[float] = []
    duck = open_duck(stage, "duckdb-import")
    with duck or nullcontext():
        peers = Peers(stage, ground, duck)
        for number in range(stage.rounds):
            with watched_memory() as peak:
                loads.append(ground.load(path, "Mapped", mapping=MAPPED, force=True))
            grown.append(peak[0] / MEGABYTE)
            rate = _rates(ground, loads)[-1]
            stage.say(
                f"round {number + 1}: {rate:,.0f} rows/s, then {_after(ground, loads)[-1]:.1f} s per million"
            )
            peers.measure(path, loads[-1])
    what = "file to last COPY of validated, indexed rows"
    return [
        Row(what, "rows/s", _rates(ground, loads), peers.rates, GOALS),
        Row(f"{what}, by CPU", "rows/CPU s", _cpu_rates(ground, loads), peers.cpu_rates, GOALS),
        Row("memory while it loads, beyond that before", "MB", grown, goals=[Goal(at_most=400)]),
        Row(
            "index, vacuum, attach, check, publish",
            "s per million rows",
            _after(ground, loads),
            goals=[Goal(at_most=2)],
        ),
        Row(
            "the same, by CPU",
            "CPU s per million rows",
            [(load.ended_cpu_s - load.stages_cpu_s["index"]) / (ground.rows / MILLION) for load in loads],
        ),
        *_whole(stage, ground),
        *_row_path(stage, ground),
    ]


def _rates(ground: Ground, loads: Sequence[Loaded]) -> list[float]:
    return [ground.rows / load.stages_s["index"] for load in loads]


def _cpu_rates(ground: Ground, loads: Sequence[Loaded]) -> list[float]:
    return [ground.rows / load.stages_cpu_s["index"] for load in loads]


def _after(ground: Ground, loads: Sequence[Loaded]) -> list[float]:
    return [(load.ended_s - load.stages_s["index"]) / (ground.rows / MILLION) for load in loads]


def _whole(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Load two files with all their columns, each into a partition of its own: the maps' events."""
    loads = [
        ground.load(ground.csv(1), "Events"),
        ground.load(ground.csv(2), "Events", mode="append", duplicates="keep_all"),
    ]
    version = loads[-1].row.version
    stage.say(f"{version.event_count if version else 0:,} events in the table")
    what = "with ids, and all other columns kept as properties"
    return [
        Row(what, "rows/s", _rates(ground, loads)),
        Row(f"{what}, by CPU", "rows/CPU s", _cpu_rates(ground, loads)),
    ]


def _row_path(stage: Stage, ground: Ground) -> Sequence[Row]:
    rows = ROW_PATH_ROWS_QUICK if stage.quick else min(ROW_PATH_ROWS, ground.rows)
    path = ground.csv(3, rows)
    with override_settings(DATASETS_FAST_PATH=False):
        loads = [ground.load(path, "Rows", mapping=MAPPED, force=True) for _round in range(stage.rounds)]
    goals = [Goal(at_least=30_000)]
    what = "the same by the row-exact path"
    return [
        Row(what, "rows/s", [rows / load.stages_s["index"] for load in loads], goals=goals),
        Row(
            f"{what}, by CPU",
            "rows/CPU s",
            [rows / load.stages_cpu_s["index"] for load in loads],
            goals=goals,
        ),
    ]
