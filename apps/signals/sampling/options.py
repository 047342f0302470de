"""What to make: the options of a series of runs, checked, and the plan of each run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from apps.common.errors import Conflict, Invalid

MIN_ENTITIES: Final = 100
MAX_ENTITIES: Final = 1_000_000
MAX_RUNS: Final = 60
MAX_PERIODS: Final = 60
MONTHS: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PERIOD: Final = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])")


class SampleRunExists(Conflict):
    """A folder of one of the runs is there already."""

    code = "signals.sample_run_exists"


class SampleOptionsInvalid(Invalid):
    """No runs can be made with these options."""

    code = "signals.sample_options_invalid"


class Fault(StrEnum):
    """What is wrong with the last run."""

    TRUNCATED_LINE = "truncated_line"
    MISSING_FILE = "missing_file"
    COUNT_MISMATCH = "count_mismatch"
    DUPLICATE_ENTITY = "duplicate_entity"
    NAN = "nan"
    NUL = "nul"
    BOM = "bom"
    PATH_ESCAPE = "path_escape"
    UNKNOWN_EDGE = "unknown_edge"
    SCHEMA_VERSION = "schema_version"
    VALIDATION_FAILED = "validation_failed"
    FAILED_NODE = "failed_node"
    HALF_GONE = "half_gone"


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """The arguments of a series; `start_period` is YYYYMM, the first month of the first run."""

    root: Path
    graph: str = "demo_graph"
    entities: int = 1000
    runs: int = 3
    seed: int = 20260101
    start_period: str = "202502"
    periods: int = 12
    repeat: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run: `number` from 0 decides the content (a repeated run has that of the one before)."""

    folder: Path
    graph: str
    run_id: str
    started_at: datetime
    number: int
    periods: tuple[str, ...]
    faults: frozenset[Fault]


def check_options(options: SampleOptions) -> None:
    """Raise SampleOptionsInvalid unless the options name runs that can be made."""
    wrong = [
        message
        for fine, message in (
            (
                bool(_NAME.fullmatch(options.graph)) and options.graph.strip(".") != "",
                "graph: [A-Za-z0-9_.-]{1,64}",
            ),
            (MIN_ENTITIES <= options.entities <= MAX_ENTITIES, f"entities: {MIN_ENTITIES} to {MAX_ENTITIES}"),
            (1 <= options.runs <= MAX_RUNS, f"runs: 1 to {MAX_RUNS}"),
            (1 <= options.periods <= MAX_PERIODS, f"periods: 1 to {MAX_PERIODS}"),
            (bool(_PERIOD.fullmatch(options.start_period)), "start-period: YYYYMM"),
            (options.seed >= 0, "seed: 0 or more"),
        )
        if not fine
    ]
    if wrong:
        raise SampleOptionsInvalid("; ".join(wrong))


def plan_runs(options: SampleOptions) -> Sequence[RunPlan]:
    """Return the runs in order; faults are those of the last one."""
    check_options(options)
    numbers = [*range(options.runs), *([options.runs - 1] if options.repeat else [])]
    last = len(numbers) - 1
    return [
        _plan(options, number, repeated=place != number, faulty=place == last)
        for place, number in enumerate(numbers)
    ]


def refuse_existing(plans: Sequence[RunPlan]) -> None:
    """Raise SampleRunExists if a folder of one of the runs is there."""
    there = [str(plan.folder) for plan in plans if plan.folder.exists()]
    if there:
        raise SampleRunExists(f"There is a run already: {', '.join(there)}")


def _plan(options: SampleOptions, number: int, *, repeated: bool, faulty: bool) -> RunPlan:
    first = _month_number(options.start_period) + number
    periods = tuple(_period(first + offset) for offset in range(options.periods))
    year, month = divmod(first + options.periods, MONTHS)
    started_at = datetime(year, month + 1, 15, 12, tzinfo=UTC) + timedelta(days=int(repeated))
    run_id = started_at.strftime("%Y%m%d%H%M%S")
    return RunPlan(
        folder=options.root / options.graph / run_id,
        graph=options.graph,
        run_id=run_id,
        started_at=started_at,
        number=number,
        periods=periods,
        faults=frozenset(options.faults) if faulty else frozenset(),
    )


def _month_number(period: str) -> int:
    return int(period[:4]) * MONTHS + int(period[4:]) - 1


def _period(number: int) -> str:
    return f"{number // MONTHS:04d}{number % MONTHS + 1:02d}"
