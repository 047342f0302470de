"""Signals: generated runs, loaded, beside parsing alone. Promised in performance.md, section 4.

Each part is a function of the stage and the ground; a new one is a line of PARTS.
"""

from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.results import Row
from benchmarks.signals_build import build_rows
from benchmarks.signals_ground import Ground
from benchmarks.signals_hydration import hydration_rows
from benchmarks.signals_load import load_rows
from benchmarks.signals_reads import read_rows
from benchmarks.stage import Stage

TITLE = "Signals"
PARTS: Final[Sequence[Callable[[Stage, Ground], Sequence[Row]]]] = (
    load_rows,
    build_rows,
    hydration_rows,
    read_rows,
)


def run(stage: Stage) -> Sequence[Row]:
    """Measure each part on a ground of its own, which is removed afterwards."""
    rows: list[Row] = []
    for part in PARTS:
        with Ground(stage) as ground:
            rows += part(stage, ground)
    return rows
