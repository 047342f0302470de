"""Answers of the map over HTTP: a city's month, a country's year, each new and kept.

Beside them the same figures from a scan of the raw rows by SQL, as without a map's index.
"""

import http.client
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection, transaction

from apps.accounts.models import Role, User
from apps.accounts.permissions import system_actor
from apps.accounts.services import create_api_key, create_first_admin
from apps.datasets.models import Segment
from apps.datasets.storage.stage import shared_partition
from benchmarks.places_cells import timed
from benchmarks.places_ground import CITIES, COUNTRY, Ground
from benchmarks.results import Goal, Row
from benchmarks.stage import Server, Stage

SCAN, DUCKDB = "scan of the raw rows", "DuckDB"
LIMITS: Final = ("api", "map", "export", "auth_login", "auth_failed")
UNLIMITED: Final = json.dumps(dict.fromkeys(LIMITS, 10_000_000))
ASKED, ASKED_QUICK = 40, 5
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
        self._headers = {"X-API-Key": key, "Host": "localhost", "Accept-Encoding": "identity"}

    def ask(self, path: str, tag: str = "") -> tuple[float, str]:
        """Return the milliseconds until the answer was read, and its tag; it must be good."""
        began_s = time.perf_counter()
        headers = {**self._headers, "If-None-Match": tag} if tag else self._headers
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        spent_ms = (time.perf_counter() - began_s) * 1_000
        if answer.status != (http.HTTPStatus.NOT_MODIFIED if tag else http.HTTPStatus.OK):
            raise RuntimeError(f"{path}: {answer.status} {body[:300].decode(errors='replace')}")
        return spent_ms, answer.headers["ETag"] or ""

    def stream(self, path: str) -> tuple[float, int]:
        """Return the seconds until a long answer was read to its end, and its bytes; nothing is kept."""
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
    """Ask a web process of its own."""
    asking = Asking(start_web(stage), viewer_key(ground))
    west, south, width, height = COUNTRY
    longitude, latitude = CITIES[0]
    city = (longitude - CITY_DEG, latitude - CITY_DEG, longitude + CITY_DEG, latitude + CITY_DEG)
    country = (west, south, west + width, south + height)
    month = Question("a city's month at 9", city, ("2024-03-01", "2024-04-01"), 9)
    year = Question("a country's year at 5", country, ("2024-01-01", "2025-01-01"), 5)
    return [
        _new(stage, ground, asking, month),
        _new(stage, ground, asking, year),
        *_kept(stage, ground, asking, month),
    ]


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


def _new(stage: Stage, ground: Ground, asking: Asking, question: Question) -> Row:
    """Ask for a box that is a little different each time, so that no answer is kept."""
    count = ASKED_QUICK if stage.quick else ASKED
    ours: list[float] = []
    scanned: list[float] = []
    for number in range(stage.rounds):
        times = [
            asking.ask(_path(ground, question.moved((number * count + turn) * 1e-6)))[0]
            for turn in range(count)
        ]
        ours.append(p95(times))
        scanned.append(1_000 * timed(_scan(ground, question)))
    goals = [Goal(SCAN, at_most=0.1), Goal(DUCKDB, at_most=1.0)]
    return Row(f"{question.what}, new, p95", "ms", ours, {SCAN: scanned, DUCKDB: []}, goals)


def _kept(stage: Stage, ground: Ground, asking: Asking, question: Question) -> Sequence[Row]:
    count = 2 * ASKED_QUICK if stage.quick else 5 * ASKED
    path = _path(ground, question)
    _, tag = asking.ask(path)
    kept: list[float] = []
    same: list[float] = []
    for _round in range(stage.rounds):
        kept.append(p95([asking.ask(path)[0] for _ in range(count)]))
        same.append(p95([asking.ask(path, tag)[0] for _ in range(count)]))
    goals = [Goal(at_most=8)]
    return [
        Row("the city's month again, kept, p95", "ms", kept, goals=goals),
        Row("the same with its tag: 304, p95", "ms", same, goals=goals),
    ]


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
