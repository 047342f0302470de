"""Places: imports, indexing, cells, answers of maps, exports. Promised in performance.md, section 2.

Each part is a function of the stage and the ground; a new one is a line of PARTS. They share two files of
five million rows, loaded once each: ten million events in the table.
"""

from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.places_cells import cell_rows
from benchmarks.places_export import export_rows
from benchmarks.places_globe import globe_rows
from benchmarks.places_ground import Ground
from benchmarks.places_import import import_rows
from benchmarks.places_maps import map_rows
from benchmarks.results import Row
from benchmarks.stage import Stage

TITLE = "Places"
PARTS: Final[Sequence[Callable[[Stage, Ground], Sequence[Row]]]] = (
    import_rows,
    cell_rows,
    globe_rows,
    map_rows,
    export_rows,
)


def run(stage: Stage) -> Sequence[Row]:
    """Measure in an organization of its own, which is removed afterwards."""
    with Ground(stage) as ground:
        stage.notes.append(
            f"Files of {ground.rows:,} rows. CPU is that of all processes at work, the database's among them:"
            " other load on the machine stretches wall time alone."
        )
        return [row for part in PARTS for row in part(stage, ground)]
