"""The whole globe at once: an event in every cell of the coarsest resolution, asked for as a map asks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import h3.api.basic_int as h3
import pyarrow as pa
import pyarrow.csv

from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.selections import Everywhere
from apps.datasets.reading.cells import COARSEST_RESOLUTION
from apps.spatial.formats import AnswerFormat, encode_answer
from apps.spatial.hexes import aggregate_hexes, plan_hexes
from apps.spatial.sources import HexQuery, open_sources
from benchmarks.places_ground import Ground
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

GLOBE: Final = "Globe"
LIMIT_MS: Final = 500
ANY_NUMBER: Final = 1_000_000

_csv: Final[Any] = pyarrow.csv


def globe_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Load the globe once, and ask for all of it in columns, in this process."""
    path = ground.folder / "globe.csv"
    cells = _write(path)
    ground.load(path, GLOBE)
    wall: list[float] = []
    cpu: list[float] = []
    _answer(ground)
    for _round in range(stage.rounds):
        wall_s, cpu_s = ground.meter.timed(lambda: _answer(ground))
        wall.append(1_000 * wall_s)
        cpu.append(1_000 * cpu_s)
    goals = [Goal(at_most=LIMIT_MS)]
    what = f"all {cells:,} cells of the globe at {COARSEST_RESOLUTION}, new, in columns"
    return [Row(what, "ms", wall, goals=goals), Row(f"{what}, by CPU", "CPU ms", cpu, goals=goals)]


def _write(path: Path) -> int:
    """Write an event at the centre of each cell; return how many there are."""
    cells = [cell for root in h3.get_res0_cells() for cell in h3.cell_to_children(root, COARSEST_RESOLUTION)]
    points = [h3.cell_to_latlng(cell) for cell in cells]
    table = pa.table(
        {
            "occurred_at": ["2024-03-01T12:00:00Z"] * len(points),
            "latitude": [round(latitude, 6) for latitude, _ in points],
            "longitude": [round(longitude, 6) for _, longitude in points],
            "category": ["theft"] * len(points),
            "severity": [float(number % 90) for number in range(len(points))],
        }
    )
    _csv.write_csv(table, path)
    return len(points)


def _answer(ground: Ground) -> bytes:
    dataset = ground.dataset_called(GLOBE)
    query = HexQuery(
        (dataset.pk,), Everywhere(), {}, Filters(), resolution=COARSEST_RESOLUTION, include=frozenset()
    )
    plan = plan_hexes(query, open_sources(ground.actor, query), ANY_NUMBER)
    return encode_answer(aggregate_hexes(plan), AnswerFormat.COLUMNS)
