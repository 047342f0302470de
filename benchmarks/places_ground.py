"""What benchmarks of places stand on: an organization of their own, a made-up country of events, psql."""

import os
import secrets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from django.db import connection

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, system_actor
from apps.accounts.services import purge_organization
from apps.common.db import JobStatus
from apps.datasets.local_import import run_here, store_file
from apps.datasets.models import Dataset, Import
from apps.datasets.services import create_dataset_from_files, start_import
from benchmarks.places_cpu import Meter
from benchmarks.stage import Stage

# Smaller by the environment, where a machine or its neighbours leave no hour for this.
ROWS: Final = int(os.environ.get("BENCH_PLACES_ROWS", "5000000"))
ROWS_QUICK: Final = 60_000
BLOCK_ROWS: Final = 250_000
DAYS: Final = 730
DAY_S: Final = 86_400
START_S: Final = 1_704_067_200  # 2024-01-01
# West, south, width, height in degrees; every second event lies in one of the cities.
COUNTRY: Final = (5.0, 47.0, 10.0, 8.0)
CITIES: Final = ((13.40, 52.52), (9.99, 53.55), (11.58, 48.14), (6.96, 50.94), (8.68, 50.11))
CITY_SPREAD_DEG: Final = 0.05
CATEGORIES: Final = ("theft", "noise", "traffic", "vandalism", "assault", "fire")
PSQL_NAMES: Final = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
}
FILLER: Final = "reported by a passer-by, seen from the other side of the street"

_compute: Final[Any] = pyarrow.compute
_csv: Final[Any] = pyarrow.csv


@dataclass(slots=True)
class Loaded:
    """An import that has ended, and the seconds, wall and CPU, after its start at which each stage began."""

    row: Import
    ended_s: float
    ended_cpu_s: float
    stages_s: dict[str, float] = field(default_factory=dict)
    stages_cpu_s: dict[str, float] = field(default_factory=dict)


class Ground:
    """An organization with its datasets; everything goes with it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.rows = ROWS_QUICK if stage.quick else ROWS
        self.folder = stage.folder / "places"
        self.meter = Meter()
        slug = f"bench-{secrets.token_hex(4)}"
        self.organization = Organization.objects.create(name="Benchmark", slug=slug)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        purge_organization(self.organization)
        for path in self.folder.iterdir():
            path.unlink()

    @property
    def actor(self) -> Actor:
        """Return who imports."""
        return system_actor(self.organization)

    @property
    def dataset(self) -> Dataset:
        """Return the dataset with all events."""
        return self.dataset_called("Events")

    def dataset_called(self, name: str) -> Dataset:
        """Return a dataset that was loaded."""
        found = Dataset.objects.select_related("current_version", "organization")
        return found.get(organization=self.organization, name=name)

    def csv(self, seed: int, rows: int | None = None) -> Path:
        """Return a file of events with ten columns, made at the first call."""
        count = rows or self.rows
        path = self.folder / f"{count}-{seed}.csv"
        if not path.exists():
            self._stage.say(f"writing {count:,} rows")
            write_events(path, count, seed)
        return path

    def load(self, path: Path, name: str, **options: Any) -> Loaded:
        """Import a file into the dataset of that name, here; raises RuntimeError if it fails."""
        stored = store_file(path, path.name)
        known = Dataset.objects.filter(organization=self.organization, name=name).first()
        if known is None:
            row = create_dataset_from_files(actor=self.actor, files=[stored], options=options, name=name)
        else:
            row = start_import(actor=self.actor, dataset=known, files=[stored], options=options)
        stages_s: dict[str, float] = {}
        stages_cpu_s: dict[str, float] = {}
        began_s, began_cpu_s = time.monotonic(), self.meter.read_s()

        def note(now: Import) -> None:
            if now.stage not in stages_s:
                stages_s[now.stage] = time.monotonic() - began_s
                stages_cpu_s[now.stage] = self.meter.read_s() - began_cpu_s

        ended = run_here(row, note)
        if ended.status != JobStatus.SUCCEEDED:
            raise RuntimeError(
                f"The import has ended {ended.status}: {ended.error_code} {ended.error_detail}"
            )
        spent_s, spent_cpu_s = time.monotonic() - began_s, self.meter.read_s() - began_cpu_s
        return Loaded(ended, spent_s, spent_cpu_s, stages_s, stages_cpu_s)


def write_events(path: Path, rows: int, seed: int) -> None:
    """Write events of two years, half of them in five cities, block by block."""
    random = np.random.default_rng(seed)
    writer: Any = None
    for first in range(0, rows, BLOCK_ROWS):
        table = _table(random, first, min(BLOCK_ROWS, rows - first))
        writer = writer or _csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def psql(*statements: str) -> float:
    """Run statements by psql, a process of its own; return the seconds. Raises CalledProcessError."""
    facts = connection.get_connection_params()
    environ = {name: str(facts[key]) for name, key in PSQL_NAMES.items() if facts.get(key)}
    command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    command += [f"--command={statement}" for statement in statements]
    began_s = time.monotonic()
    subprocess.run(command, env={**os.environ, **environ}, check=True, capture_output=True)
    return time.monotonic() - began_s


def _table(random: np.random.Generator, first: int, rows: int) -> pa.Table:
    west, south, width, height = COUNTRY
    longitude = west + width * random.random(rows)
    latitude = south + height * random.random(rows)
    in_city = random.random(rows) < 0.5
    cities = np.array(CITIES)[random.integers(0, len(CITIES), rows)]
    scatter = random.normal(0, CITY_SPREAD_DEG, (rows, 2))
    longitude = np.where(in_city, cities[:, 0] + scatter[:, 0], longitude)
    latitude = np.where(in_city, cities[:, 1] + scatter[:, 1], latitude)
    instants = pa.array(START_S + random.integers(0, DAYS * DAY_S, rows), pa.timestamp("s"))
    numbers = np.arange(first, first + rows)
    texts = [f"{FILLER}, {number}" for number in range(64)]
    return pa.table(
        {
            "id": _compute.cast(pa.array(numbers), pa.string()),
            "occurred_at": _compute.strftime(instants, format="%Y-%m-%dT%H:%M:%SZ"),
            "latitude": np.round(latitude, 6),
            "longitude": np.round(longitude, 6),
            "category": _named(random, CATEGORIES, rows),
            "severity": np.round(random.gamma(2, 2, rows), 1),
            "district": _named(random, [f"district {number}" for number in range(40)], rows),
            "street": _named(random, [f"{number} Long Street" for number in range(500)], rows),
            "officer": _named(random, [f"unit {number}" for number in range(90)], rows),
            "remark": _named(random, texts, rows),
        }
    )


def _named(random: np.random.Generator, names: Any, rows: int) -> Any:
    return pa.array(names, pa.string()).take(random.integers(0, len(names), rows))
