"""Trees and files of a mirrored project, asked for over eight connections at once.

Promised in performance.md, section 4, and projects.md, section 15.
"""

import http.client
import secrets
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Final

from apps.accounts.models import Organization, Role
from apps.accounts.permissions import system_actor
from apps.accounts.services import create_api_key
from apps.projects.models import File, Mirror, Project
from apps.projects.states import FileKind
from benchmarks.requests import UNLIMITED
from benchmarks.results import Goal, Row
from benchmarks.stage import Server, Stage

CONNECTIONS: Final = 8
CALLS_EACH, CALLS_EACH_QUICK = 100, 10


def read_rows(stage: Stage, organization: Organization) -> Sequence[Row]:
    """Ask for folders and files of the newest mirror; the 95th percentile of each round."""
    project = Project.objects.filter(organization=organization, mirror__in=Mirror.objects.all()).last()
    if project is None:
        return []
    actor = system_actor(organization)
    _, key = create_api_key(actor=actor, name="bench", role=Role.ADMIN, scopes=["projects:read"])
    environ = {
        "LOG_FORMAT": "json",
        "RATE_LIMITS": UNLIMITED,
        "SEXTANT_ROLE": "web",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    server = stage.start_uvicorn("config.asgi:application", environ=environ)
    base = f"/api/v1/projects/{project.pk}/files"
    rows = []
    for what, paths in (
        ("tree", [f"{base}?path={path}" for path in _paths(project, FileKind.DIR)]),
        ("file", [f"{base}/{path}" for path in _paths(project, FileKind.FILE)]),
    ):
        _p95(stage, server, key, paths)  # warm
        times = [_p95(stage, server, key, paths) for _ in range(stage.rounds)]
        rows.append(Row(f"{what}, {CONNECTIONS} connections, p95", "ms", times, goals=[Goal(at_most=30)]))
    return rows


def _paths(project: Project, kind: FileKind) -> list[str]:
    rows = File.objects.filter(project=project, kind=kind).order_by("path_hash")[:200]
    return [str(row) for row in rows]


def _p95(stage: Stage, server: Server, key: str, paths: Sequence[str]) -> float:
    calls = CALLS_EACH_QUICK if stage.quick else CALLS_EACH
    times: list[float] = []
    threads = [
        threading.Thread(target=_ask, args=(server, key, paths, calls, times)) for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) != CONNECTIONS * calls:
        raise RuntimeError("some calls were not answered")
    return statistics.quantiles(times, n=20)[-1]


def _ask(server: Server, key: str, paths: Sequence[str], calls: int, times: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(calls):
        began = time.perf_counter()
        connection.request("GET", secrets.choice(paths), headers={"X-API-Key": key, "Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{answer.status}: {body[:300].decode(errors='replace')}")
        times.append((time.perf_counter() - began) * 1_000)
