"""Answers of the map over HTTP: a city's month, a country's year, each new and kept.

Beside them the same figures from a scan of the raw rows by SQL, as without a map's index.
"""

import http.client
import json
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection, transaction

from apps.accounts.models import Role, User
from apps.accounts.permissions import system_actor
from apps.accounts.services import create_api_key, create_first_admin
from apps.datasets.models import Segment
from apps.datasets.queries.event_stream import event_batches
from apps.datasets.queries.scopes import Filters, open_scope
from apps.datasets.queries.terms import Vocabulary
from apps.datasets.states import SegmentState
from apps.datasets.storage.stage import shared_partition
from apps.datasets.upkeep_tasks import build_rollups
from benchmarks.places_ground import CITIES, COUNTRY, Ground
from benchmarks.places_peers import Duck, open_duck
from benchmarks.results import Goal, Row
from benchmarks.stage import Server, Stage

OURS, SCAN, DUCKDB = "Sextant", "scan of the raw rows", "DuckDB"
ROW_GROUP_ROWS: Final = 122_880
LIMITS: Final = ("api", "map", "export", "auth_login", "auth_failed")
UNLIMITED: Final = json.dumps(dict.fromkeys(LIMITS, 10_000_000))
ASKED, ASKED_QUICK = 40, 5
# Web servers close connections that are idle for five seconds.
IDLE_S: Final = 2.0
CITY_DEG: Final = 0.1
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Question:
    """A box, a window of days in UTC, and a resolution."""

    what: str
    box: Box
    window: tuple[str, str]
    resolution: int

    def moved(self, by_deg: float) -> "Question":
        """Return the same a little further east."""
        west, south, east, north = self.box
        return replace(self, box=(west + by_deg, south, east + by_deg, north))


class Asking:
    """One kept connection to a server, with a key."""

    def __init__(self, server: Server, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
        self._used_at_s = time.perf_counter()
        self._headers = {"X-API-Key": key, "Host": "localhost", "Accept-Encoding": "identity"}

    def ask(self, path: str, tag: str = "") -> tuple[float, str]:
        """Return the milliseconds until the answer was read, and its tag; it must be good.

        A connection that a server closed while others were measured is opened anew first.
        """
        if time.perf_counter() - self._used_at_s > IDLE_S:
            self._connection.close()
        began_s = time.perf_counter()
        headers = {**self._headers, "If-None-Match": tag} if tag else self._headers
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        self._used_at_s = time.perf_counter()
        spent_ms = (self._used_at_s - began_s) * 1_000
        if answer.status != (http.HTTPStatus.NOT_MODIFIED if tag else http.HTTPStatus.OK):
            raise RuntimeError(f"{path}: {answer.status} {body[:300].decode(errors='replace')}")
        return spent_ms, answer.headers["ETag"] or ""

    def stream(self, path: str) -> tuple[float, int]:
        """Return the seconds until a long answer was read to its end, and its bytes; nothing is kept."""
        self._connection.close()
        began_s = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        size = 0
        while block := answer.read(1 << 20):
            size += len(block)
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status}")
        return time.perf_counter() - began_s, size


def map_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Ask a web process of its own, and DuckDB in its own process for the same sums from Parquet."""
    build_all_rollups(ground)
    server = start_web(stage)
    asking = Asking(server, viewer_key(ground))
    west, south, width, height = COUNTRY
    longitude, latitude = CITIES[0]
    city = (longitude - CITY_DEG, latitude - CITY_DEG, longitude + CITY_DEG, latitude + CITY_DEG)
    country = (west, south, west + width, south + height)
    month = Question("a city's month at 9", city, ("2024-03-01", "2024-04-01"), 9)
    year = Question("a country's year at 5", country, ("2024-01-01", "2025-01-01"), 5)
    duck = open_duck(stage, "duckdb-maps")
    with duck or nullcontext():
        path = events_parquet(ground) if duck else None
        compared = Compared(stage, ground, server, asking, duck, path)
        return [*compared.new(month), *compared.new(year), *compared.kept(month)]


def build_all_rollups(ground: Ground) -> None:
    """Do what the worker does after each publish."""
    segments = Segment.objects.filter(dataset__organization=ground.organization, state=SegmentState.LIVE)
    for segment in segments.select_related("dataset"):
        build_rollups(segment, segment.dataset)


def start_web(stage: Stage) -> Server:
    """Start one web process without limits of rate."""
    environ = {
        "LOG_FORMAT": "json",
        "RATE_LIMITS": UNLIMITED,
        "SEXTANT_ROLE": "web",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    return stage.start_uvicorn("config.asgi:application", environ=environ)


def viewer_key(ground: Ground) -> str:
    """Return a key that reads maps."""
    if not User.objects.exists():
        create_first_admin(
            email="bench@example.com", password=secrets.token_urlsafe(), organization_name="Bench"
        )
    scopes = ["spatial:read", "datasets:read"]
    actor = system_actor(ground.organization)
    return create_api_key(actor=actor, name="bench", role=Role.VIEWER, scopes=scopes)[1]


@dataclass(frozen=True, slots=True)
class Compared:
    """Questions to a server, and the same ones to a scan of the table and to DuckDB."""

    stage: Stage
    ground: Ground
    server: Server
    asking: Asking
    duck: Duck | None
    parquet: Path | None

    def new(self, question: Question) -> Sequence[Row]:
        """Ask for a box that is a little different each time, so that no answer is kept."""
        count = ASKED_QUICK if self.stage.quick else ASKED
        wall: dict[str, list[float]] = {name: [] for name in (OURS, SCAN, DUCKDB)}
        cpu: dict[str, list[float]] = {name: [] for name in (OURS, SCAN, DUCKDB)}
        self.asking.ask(_path(self.ground, question.moved(-1e-6)))  # warm
        for number in range(self.stage.rounds):
            asked = [question.moved((number * count + turn) * 1e-6) for turn in range(count)]
            self._note(wall, cpu, OURS, *self._ask([_path(self.ground, each) for each in asked]))
            spent_s = self.ground.meter.timed(_scan(self.ground, question))
            self._note(wall, cpu, SCAN, [1_000 * spent_s[0]], 1_000 * spent_s[1])
            if self.duck is not None:
                runs = [self.duck.run(_duck_sql(each, self.parquet)) for each in asked]
                times = [1_000 * wall_s for wall_s, _ in runs]
                self._note(wall, cpu, DUCKDB, times, 1_000 * statistics.mean(cpu_s for _, cpu_s in runs))
        goals = [Goal(SCAN, at_most=0.1), Goal(DUCKDB, at_most=1.0, plus=5)]
        return [
            Row(f"{question.what}, new, p95", "ms", wall.pop(OURS), wall, goals),
            Row(f"{question.what}, new, by CPU, mean", "CPU ms", cpu.pop(OURS), cpu, goals),
        ]

    def kept(self, question: Question) -> Sequence[Row]:
        """Ask the same again, without and with the tag of the answer."""
        count = 2 * ASKED_QUICK if self.stage.quick else 5 * ASKED
        path = _path(self.ground, question)
        _, tag = self.asking.ask(path)
        rows = []
        for what, given in (("again, kept", ""), ("again with its tag: 304", tag)):
            wall: dict[str, list[float]] = {OURS: []}
            cpu: dict[str, list[float]] = {OURS: []}
            for _round in range(self.stage.rounds):
                self._note(wall, cpu, OURS, *self._ask([path] * count, given))
            goals = [Goal(at_most=8)]
            rows += [
                Row(f"the city's month {what}, p95", "ms", wall[OURS], goals=goals),
                Row(f"the city's month {what}, by CPU, mean", "CPU ms", cpu[OURS], goals=goals),
            ]
        return rows

    def _ask(self, paths: Sequence[str], tag: str = "") -> tuple[list[float], float]:
        """Return the milliseconds of each answer, and the mean CPU milliseconds, the database's with them."""
        before_s = self.server.cpu_s() + self.ground.meter.database_s()
        times = [self.asking.ask(path, tag)[0] for path in paths]
        spent_s = self.server.cpu_s() + self.ground.meter.database_s() - before_s
        return times, 1_000 * spent_s / len(paths)

    def _note(
        self,
        wall: dict[str, list[float]],
        cpu: dict[str, list[float]],
        name: str,
        times: Sequence[float],
        cpu_ms: float,
    ) -> None:
        wall[name].append(p95(times))
        cpu[name].append(cpu_ms)


def events_parquet(ground: Ground) -> Path:
    """Write the dataset's events to one file, in the order in which they lie in the table."""
    version = ground.dataset.current_version
    if version is None:
        raise RuntimeError("Nothing has been published.")
    path = ground.folder / "events.parquet"
    scope = open_scope(ground.dataset, version, Filters(), Vocabulary())
    writer: Any = None
    held: list[pa.Table] = []

    def flush() -> None:
        nonlocal writer, held
        table = pa.concat_tables(held)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        held = []

    for batch in event_batches(scope, with_rest=False):
        held.append(
            pa.table(
                {
                    "cell": batch.cell,
                    "occurred_at": pa.array(batch.occurred_us, pa.timestamp("us")),
                    "category_no": batch.category_no.astype("int16"),
                    "value": batch.value,
                    "lat_e7": batch.lat_e7.astype("int32"),
                    "lon_e7": batch.lon_e7.astype("int32"),
                }
            )
        )
        if sum(table.num_rows for table in held) >= ROW_GROUP_ROWS:
            flush()
    if held:
        flush()
    writer.close()
    return path


def _duck_sql(question: Question, parquet: Path | None) -> str:
    """Return the sums by cell and category, the parent of a cell by bits as our SQL has it."""
    resolution = question.resolution
    digits = (1 << (3 * (15 - resolution))) - 1
    parent = f"(cell & {~(15 << 52)}) | {(resolution << 52) | digits}"
    west, south, east, north = (round(edge * 1e7) for edge in question.box)
    start, end = question.window
    return (
        f"SELECT {parent} AS parent, category_no, count(*), count(value), sum(value), sum(value * value),"
        f" min(value), max(value) FROM read_parquet('{parquet}')"
        f" WHERE occurred_at >= '{start}' AND occurred_at < '{end}'"
        f" AND lon_e7 BETWEEN {west} AND {east} AND lat_e7 BETWEEN {south} AND {north} GROUP BY 1, 2"
    )


def _path(ground: Ground, question: Question) -> str:
    start, end = (f"{day}T00:00:00Z" for day in question.window)
    query = {
        "dataset": str(ground.dataset.pk),
        "bbox": ",".join(f"{edge:.7f}" for edge in question.box),
        "from": start,
        "to": end,
        "resolution": question.resolution,
        "format": "columns",
    }
    return f"/api/v1/hexes?{urlencode(query)}"


def _scan(ground: Ground, question: Question) -> Callable[[], None]:
    """Return an act that counts the same rows without any index."""
    version = ground.dataset.current_version
    if version is None:
        raise RuntimeError("Nothing has been published.")
    segments = list(Segment.objects.of_version(version.pk))
    tables = " UNION ALL ".join(
        f"SELECT * FROM {shared_partition(slab)}" for slab in sorted({segment.slab for segment in segments})
    )
    west, south, east, north = (round(edge * 1e7) for edge in question.box)
    statement = (
        "SELECT datasets_h3_parent(cell, %s), category_no, count(*), sum(value)"
        f" FROM ({tables}) AS events WHERE segment_no = ANY(%s) AND occurred_at >= %s AND occurred_at < %s"
        " AND lon_e7 BETWEEN %s AND %s AND lat_e7 BETWEEN %s AND %s GROUP BY 1, 2"
    )
    values: list[Any] = [
        question.resolution,
        [segment.no for segment in segments],
        *question.window,
        west,
        east,
        south,
        north,
    ]

    def act() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            for scan in ("indexscan", "indexonlyscan", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{scan} = off")
            cursor.execute(statement, values)
            cursor.fetchall()

    return act


def p95(times: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]
