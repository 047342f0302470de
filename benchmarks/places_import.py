"""Imports: rows a second until the last row lies in the stage table, and what publishing adds.

Beside them psql: binary COPY of the finished rows, `\\copy` of the file's text, ogr2ogr where it is
installed, and the ORM's bulk_create of the same rows.
"""

import csv
import datetime as dt
import subprocess
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import h3.api.basic_int as h3
from django.test import override_settings

from apps.datasets.models import Event, Segment
from apps.datasets.models.version import SHARED_SLABS
from apps.datasets.storage.stage import shared_partition
from benchmarks.places_ground import CATEGORIES, Ground, Loaded, psql
from benchmarks.results import Goal, Row
from benchmarks.signals_load import MEGABYTE, watched_memory
from benchmarks.stage import Stage

BINARY, TEXT, OGR, ORM, DUCKDB = "binary COPY", "\\copy of the text", "ogr2ogr", "bulk_create", "DuckDB"
ORM_ROWS: Final = 20_000
ROW_PATH_ROWS: Final = 200_000
MILLION: Final = 1_000_000
# Of nobody's dataset; the rows are deleted at once.
ORM_DATASET_NO: Final = 2_000_000_000


def import_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Load the first file in every round and the second one once; measure the peers between."""
    path = ground.csv(1)
    rates: list[float] = []
    after: list[float] = []
    grown: list[float] = []
    peers: dict[str, list[float]] = {BINARY: [], TEXT: [], OGR: [], ORM: [], DUCKDB: []}
    for number in range(stage.rounds):
        with watched_memory() as peak:
            loaded = ground.load(path, "Events", force=True)
        rates.append(ground.rows / loaded.stages_s["index"])
        after.append((loaded.ended_s - loaded.stages_s["index"]) / (ground.rows / MILLION))
        grown.append(peak[0] / MEGABYTE)
        stage.say(f"round {number + 1}: {rates[-1]:,.0f} rows/s, then {after[-1]:.1f} s per million")
        _measure_peers(stage, ground, path, loaded, peers)
    _load_second(stage, ground)
    return [
        Row(
            "file to last COPY of validated, indexed rows",
            "rows/s",
            rates,
            peers,
            [
                Goal(BINARY, at_least=0.45),
                Goal(DUCKDB, at_least=1.0),
                Goal(OGR, at_least=5),
                Goal(ORM, at_least=25),
            ],
        ),
        Row("memory while it loads, beyond that before", "MB", grown, goals=[Goal(at_most=400)]),
        Row("index, vacuum, attach, check, publish", "s per million rows", after, goals=[Goal(at_most=2)]),
        _row_path(stage, ground),
    ]


def _load_second(stage: Stage, ground: Ground) -> None:
    """Let the dataset have two files' events, each file's in a partition of its own."""
    loaded = ground.load(ground.csv(2), "Events", mode="append", duplicates="keep_all")
    version = loaded.row.version
    stage.say(f"{version.event_count if version else 0:,} events in the table")


def _row_path(stage: Stage, ground: Ground) -> Row:
    rows = ORM_ROWS if stage.quick else ROW_PATH_ROWS
    path = ground.csv(3, rows)
    rates = []
    with override_settings(DATASETS_FAST_PATH=False):
        for _round in range(stage.rounds):
            loaded = ground.load(path, "Rows", force=True)
            rates.append(rows / loaded.stages_s["index"])
    return Row("the same by the row-exact path", "rows/s", rates, goals=[Goal(at_least=30_000)])


def _measure_peers(
    stage: Stage, ground: Ground, path: Path, loaded: Loaded, peers: dict[str, list[float]]
) -> None:
    peers[ORM].append(ORM_ROWS / _create_by_orm(path))
    if not stage.lacks("postgresql-client"):
        peers[BINARY].append(ground.rows / _copy_binary(ground, loaded))
        peers[TEXT].append(ground.rows / _copy_text(path))
    if not stage.lacks("gdal-bin"):
        peers[OGR].append(ground.rows / _convert(path))


def _copy_binary(ground: Ground, loaded: Loaded) -> float:
    """Write the loaded rows to a file, and load that into a table like theirs."""
    version = loaded.row.version
    if version is None:
        raise RuntimeError("The import has published nothing.")
    (segment,) = Segment.objects.of_version(version.pk)
    partition = shared_partition(segment.slab)
    file = ground.folder / "rows.bin"
    where = f"segment_no = {segment.no}"
    psql(f"\\copy (SELECT * FROM {partition} WHERE {where}) TO '{file}' (FORMAT binary)")
    psql("DROP TABLE IF EXISTS bench_rows", f"CREATE TABLE bench_rows (LIKE {partition})")
    seconds = psql(f"\\copy bench_rows FROM '{file}' (FORMAT binary)")
    psql("DROP TABLE bench_rows")
    file.unlink()
    return seconds


def _copy_text(path: Path) -> float:
    with path.open(newline="") as stream:
        header = next(csv.reader(stream))
    columns = ", ".join(f"{name} text" for name in header)
    psql("DROP TABLE IF EXISTS bench_text", f"CREATE TABLE bench_text ({columns})")
    seconds = psql(f"\\copy bench_text FROM '{path}' (FORMAT csv, HEADER)")
    psql("DROP TABLE bench_text")
    return seconds


def _convert(path: Path) -> float:
    """Let ogr2ogr make a GeoPackage of the file: its fastest target with an index."""
    target = path.with_suffix(".gpkg")
    target.unlink(missing_ok=True)
    names = ("X_POSSIBLE_NAMES=longitude", "Y_POSSIBLE_NAMES=latitude", "AUTODETECT_TYPE=YES")
    options = [word for name in names for word in ("-oo", name)]
    command = ["ogr2ogr", "-f", "GPKG", str(target), str(path), *options]
    began_s = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - began_s
    target.unlink()
    return seconds


def _create_by_orm(path: Path) -> float:
    """Read, check, index and insert the first rows as a Django program does that knows no better."""
    slab = ORM_DATASET_NO % SHARED_SLABS
    began_s = time.monotonic()
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
    seconds = time.monotonic() - began_s
    Event.objects.filter(dataset_no=ORM_DATASET_NO).delete()
    return seconds
