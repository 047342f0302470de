"""What else loads the same file: psql, ogr2ogr, the ORM, DuckDB; rows a second by wall and by CPU time."""

import csv
import datetime as dt
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

import h3.api.basic_int as h3

from apps.datasets.models import Event, Segment
from apps.datasets.models.version import SHARED_SLABS
from apps.datasets.storage.stage import shared_partition
from benchmarks.places_ground import CATEGORIES, Ground, Loaded, psql
from benchmarks.places_peers import Duck
from benchmarks.stage import Stage

BINARY, TEXT, OGR, ORM, DUCKDB = "binary COPY", "\\copy of the text", "ogr2ogr", "bulk_create", "DuckDB"
PEERS: Final = (BINARY, TEXT, OGR, ORM, DUCKDB)
# The slow ones read the first rows only: their rate does not depend on how many there are.
ORM_ROWS: Final = 20_000
OGR_ROWS: Final = 200_000
# Of nobody's dataset; the rows are deleted at once.
ORM_DATASET_NO: Final = 2_000_000_000


class Peers:
    """The rates of each peer, one per round; none for those that are not installed."""

    def __init__(self, stage: Stage, ground: Ground, duck: Duck | None) -> None:
        self.rates: dict[str, list[float]] = {name: [] for name in PEERS}
        self.cpu_rates: dict[str, list[float]] = {name: [] for name in PEERS}
        self._ground = ground
        self._duck = duck
        self._has_psql = not stage.lacks("postgresql-client")
        self._has_ogr = not stage.lacks("gdal-bin")
        if duck is not None:
            stage.notes.append(
                f"DuckDB {duck.version()} loads the mapped columns alone, by one thread, into a file;"
                " it indexes nothing."
            )

    def measure(self, path: Path, loaded: Loaded) -> None:
        """Let each load the file once."""
        ground = self._ground
        self._note(ORM, ORM_ROWS, lambda: _create_by_orm(path))
        Event.objects.filter(dataset_no=ORM_DATASET_NO).delete()
        if self._has_psql:
            with FinishedRows(ground, loaded) as copy:
                self._note(BINARY, ground.rows, copy)
            self._note(TEXT, ground.rows, _text_copy(path))
            psql("DROP TABLE bench_text")
        if self._has_ogr:
            few = ground.csv(4, min(OGR_ROWS, ground.rows))
            target = few.with_suffix(".gpkg")
            target.unlink(missing_ok=True)
            self._note(OGR, min(OGR_ROWS, ground.rows), lambda: _convert(few, target))
            target.unlink()
        if self._duck is not None:
            self._load_by_duck(self._duck, path)

    def _note(self, name: str, rows: int, act: Callable[[], object]) -> None:
        wall_s, cpu_s = self._ground.meter.timed(act)
        self.rates[name].append(rows / wall_s)
        self.cpu_rates[name].append(rows / cpu_s)

    def _load_by_duck(self, duck: Duck, path: Path) -> None:
        duck.run("SET threads = 1")
        columns = "occurred_at, latitude, longitude, category, severity"
        statements = (
            f"CREATE OR REPLACE TABLE events AS SELECT {columns} FROM read_csv('{path}')",
            "CHECKPOINT",
        )
        spent = [duck.run(statement) for statement in statements]
        self.rates[DUCKDB].append(self._ground.rows / sum(wall_s for wall_s, _ in spent))
        self.cpu_rates[DUCKDB].append(self._ground.rows / sum(cpu_s for _, cpu_s in spent))


class FinishedRows:
    """The loaded rows in a file, and an act that loads it into a table like theirs."""

    def __init__(self, ground: Ground, loaded: Loaded) -> None:
        version = loaded.row.version
        if version is None:
            raise RuntimeError("The import has published nothing.")
        (segment,) = Segment.objects.of_version(version.pk)
        partition = shared_partition(segment.slab)
        self._file = ground.folder / "rows.bin"
        rows = f"SELECT * FROM {partition} WHERE segment_no = {segment.no}"
        psql(
            f"\\copy ({rows}) TO '{self._file}' (FORMAT binary)",
            "DROP TABLE IF EXISTS bench_rows",
            f"CREATE TABLE bench_rows (LIKE {partition})",
        )

    def __enter__(self) -> Callable[[], object]:
        return lambda: psql(f"\\copy bench_rows FROM '{self._file}' (FORMAT binary)")

    def __exit__(self, *_: object) -> None:
        psql("DROP TABLE bench_rows")
        self._file.unlink()


def _text_copy(path: Path) -> Callable[[], object]:
    with path.open(newline="") as stream:
        header = next(csv.reader(stream))
    columns = ", ".join(f"{name} text" for name in header)
    psql("DROP TABLE IF EXISTS bench_text", f"CREATE TABLE bench_text ({columns})")
    return lambda: psql(f"\\copy bench_text FROM '{path}' (FORMAT csv, HEADER)")


def _convert(path: Path, target: Path) -> None:
    """Let ogr2ogr make a GeoPackage of a file: its fastest target with an index."""
    names = ("X_POSSIBLE_NAMES=longitude", "Y_POSSIBLE_NAMES=latitude", "AUTODETECT_TYPE=YES")
    options = [word for name in names for word in ("-oo", name)]
    command = ["ogr2ogr", "-f", "GPKG", str(target), str(path), *options]
    subprocess.run(command, check=True, capture_output=True)


def _create_by_orm(path: Path) -> None:
    """Read, check, index and insert the first rows as a Django program does that knows no better."""
    slab = ORM_DATASET_NO % SHARED_SLABS
    with path.open(newline="") as stream:
        rows = [
            Event(
                dataset_no=ORM_DATASET_NO,
                segment_no=ORM_DATASET_NO,
                slab=slab,
                event_no=number,
                cell=h3.latlng_to_cell(float(row["latitude"]), float(row["longitude"]), 11),
                occurred_at=dt.datetime.fromisoformat(row["occurred_at"]),
                value=float(row["severity"]),
                lat_e7=round(float(row["latitude"]) * 1e7),
                lon_e7=round(float(row["longitude"]) * 1e7),
                category_no=CATEGORIES.index(row["category"]),
                precision=0,
            )
            for number, row in enumerate(islice(csv.DictReader(stream), ORM_ROWS))
        ]
    Event.objects.bulk_create(rows, batch_size=1_000)
