"""Who takes points in the benchmark of metrics: Sextant as it runs, VictoriaMetrics, InfluxDB."""

import http.client
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from django.db import connection

from apps.accounts.models import Organization, Role
from apps.accounts.queries import resolve_member
from apps.accounts.services import create_api_key, create_first_admin, create_organization, purge_organization
from apps.metrics.compaction import compact_everything
from apps.metrics.models import Policy, Shard
from benchmarks import metrics_peers as peers
from benchmarks.metrics_bodies import Format
from benchmarks.metrics_load import Target
from benchmarks.metrics_peers import INFLUX, VICTORIA
from benchmarks.metrics_processes import cpu_s, postgres_pid, valkey_pid
from benchmarks.stage import Server, Stage

SEXTANT, CHAIN = "Sextant", "Django chain"
# What is served behind the doors: the same calls by Django's middleware and views.
CHAIN_APPLICATION: Final = "config.asgi:django_application"
DAY_S: Final = 86_400
# The oldest time that is sent, and a margin to the bound of seven days.
PAST_S: Final = 7 * DAY_S - 7_200
QUIET_S, QUIET_SHARE = 0.5, 0.05
# Queries reach further back than what is sent by default.
SKEW_PAST_S: Final = 40 * DAY_S
UNLIMITED: Final = json.dumps({"points": 10**9, "api": 10**8, "auth_failed": 10**8})
WEB_ENVIRON: Final[Mapping[str, str]] = {
    "LOG_FORMAT": "json",
    "RATE_LIMITS": UNLIMITED,
    "SEXTANT_ROLE": "web",
}


@dataclass
class Candidate:
    """Where points go, by format, whose CPU counts, by name, and the next second that nobody has sent yet.

    `server` is the one that answers questions.
    """

    name: str
    server: Server
    targets: Mapping[Format, Target]
    pids: Mapping[str, Sequence[int]]
    patience_s: float
    next_s: int = field(default_factory=lambda: (int(time.time()) - PAST_S) // 10 * 10)

    @property
    def port(self) -> int:
        """Return the port of its HTTP."""
        return self.server.port

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU time of the processes that work for it, with their children's, by name."""
        return {name: cpu_s(pids) for name, pids in self.pids.items()}

    def settle(self) -> None:
        """Wait until its processes have next to nothing to do, so that the next one has the machine."""
        end_s = time.monotonic() + self.patience_s
        while time.monotonic() < end_s:
            before_s = sum(self.cpu_s().values())
            time.sleep(QUIET_S)
            if sum(self.cpu_s().values()) - before_s < QUIET_S * QUIET_SHARE:
                return


@dataclass
class Sextant:
    """The running product with an organization of its own, and a key that may send and read."""

    candidate: Candidate
    worker: Server
    beat: Server
    organization: Organization
    key: str

    @property
    def shard_ids(self) -> list[int]:
        """Return the shards of the organization."""
        shards = Shard.objects.filter(organization_id=self.organization.pk)
        return list(shards.values_list("shard_id", flat=True))

    def compact(self) -> int:
        """Compact in this process all that waits; return how many points this one has moved."""
        return sum(done.points for done in compact_everything(self.organization.pk))


def sextant(stage: Stage) -> Sextant:
    """Start two web processes, the worker and the clock, as `up` does."""
    # In this process every compaction of a measurement would print a line.
    logging.getLogger("apps.metrics.compaction").setLevel(logging.WARNING)
    organization, key = organization_and_key()
    web = start_web(stage, "config.asgi:application", "web")
    worker, beat = stage.start_worker("worker.log"), stage.start_beat("beat.log")
    own = {"web": web, "worker": [worker], "beat": [beat]}
    shared = {"PostgreSQL": postgres_pid(), "Valkey": valkey_pid()}
    pids = {name: [server.process.pid for server in servers] for name, servers in own.items()}
    pids |= {name: [pid] for name, pid in shared.items() if pid}
    candidate = Candidate(SEXTANT, web[0], targets_of(ports_of(web), key), pids, patience_s(stage))
    return Sextant(candidate, worker, beat, organization, key)


def start_web(stage: Stage, application: str, log: str) -> list[Server]:
    """Start two processes of an application, each with a port of its own.

    Of two behind one port the kernel gives nearly all of a few connections to one; a balancer deals them.
    """
    return [
        stage.start_uvicorn(application, environ=WEB_ENVIRON, log=f"{log}_{number}.log") for number in (1, 2)
    ]


def ports_of(servers: Iterable[Server]) -> tuple[int, ...]:
    """Return the ports of servers."""
    return tuple(server.port for server in servers)


def targets_of(ports: tuple[int, ...], key: str) -> dict[Format, Target]:
    """Return our doors for each format."""
    native = Target(ports, "/api/v1/metrics/batch", json_headers(key), 201)
    lines = Target(ports, "/influx/write?db=bench&precision=ns", (f"Authorization: Token {key}",), 204)
    return {Format.LINES: lines, Format.ROWS: native, Format.COLUMNS: native}


def json_headers(key: str) -> tuple[str, ...]:
    """Return the headers of a native call."""
    return (f"X-API-Key: {key}", "Content-Type: application/json")


def organization_and_key() -> tuple[Organization, str]:
    """Return a new organization that takes points of the last 40 days, with a key."""
    password = secrets.token_urlsafe()
    user = create_first_admin(email="bench@example.com", password=password, organization_name="Bench")
    slug = f"bench-metrics-{secrets.token_hex(4)}"
    organization = create_organization(name="Metrics bench", slug=slug, creator=user)
    Policy.objects.update_or_create(
        organization=organization,
        defaults={
            "skew_past_s": SKEW_PAST_S,
            "skew_future_s": 7 * DAY_S,
            "raw_days": 90,
            "max_metrics": 200_000,
        },
    )
    actor = resolve_member(user, requested=organization.slug)
    scopes = ["metrics:ingest", "metrics:read"]
    _, key = create_api_key(actor=actor, name="bench", role=Role.ANALYST, scopes=scopes)
    return organization, key


def forget(ours: Sextant) -> None:
    """Remove the organization with its points: the database may be one that the environment names."""
    shard_ids = ours.shard_ids
    with connection.cursor() as cursor:
        for table in ("point_segment", "point_chunk", "rollup", "metric_stat", "shard_day", "shard"):
            cursor.execute(f"DELETE FROM metrics_{table} WHERE shard_id = ANY(%s)", [shard_ids])
    purge_organization(ours.organization)


def victoria(stage: Stage, folder: str = "victoria") -> Candidate:
    """Start VictoriaMetrics under its name with its version."""
    name = peers.version_of(VICTORIA, peers.VICTORIA_PACKAGE)
    return _peer(stage, name, peers.victoria(stage, folder))


def installed_peers(stage: Stage) -> dict[str, Candidate]:
    """Start those that are installed, by their names; note those that are not."""
    known: dict[str, Callable[[Stage], Candidate]] = {
        peers.VICTORIA_PACKAGE: victoria,
        peers.INFLUX_PACKAGE: influx,
    }
    started = [start(stage) for package, start in known.items() if not stage.lacks(package)]
    return {candidate.name: candidate for candidate in started}


def named(name: str, candidates: Iterable[str]) -> str:
    """Return a peer's name with its version, if it was started."""
    return next((each for each in candidates if each.startswith(name)), name)


def influx(stage: Stage) -> Candidate:
    """Start InfluxDB under its name with its version."""
    name = peers.version_of(INFLUX, peers.INFLUX_PACKAGE)
    candidate = _peer(stage, name, peers.influx(stage))
    ask(candidate.port, f"/query?q=CREATE+DATABASE+{peers.DATABASE}", method="POST")
    return candidate


def _peer(stage: Stage, name: str, server: Server) -> Candidate:
    lines = peers.write_target(server)
    return Candidate(
        name, server, dict.fromkeys(Format, lines), {name: [server.process.pid]}, patience_s(stage)
    )


def patience_s(stage: Stage) -> float:
    """Return how long a candidate may take to come to rest."""
    return 0.5 if stage.quick else 15.0


def ask(port: int, path: str, *, key: str = "", method: str = "GET") -> Any:
    """Return a JSON answer, once; None if it has no body. Raises RuntimeError for a status of 400 or more."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request(method, path, headers={"Host": "localhost"} | ({"X-API-Key": key} if key else {}))
        answer = client.getresponse()
        content = answer.read()
    finally:
        client.close()
    if answer.status >= 400:
        raise RuntimeError(f"{path}: {answer.status} {content[:500]!r}")
    return json.loads(content) if content else None


def ours_query(metric: str, from_s: int, to_s: int, **parameters: str) -> str:
    """Return the path of a query of one metric."""
    rest = "".join(f"&{name}={value}" for name, value in parameters.items())
    return f"/api/v1/metrics/query?metric={quote(metric)}&from={from_s}&to={to_s}{rest}"


def counted_points(ours: Sextant) -> int:
    """Return how many points of the load the answers count, over all days that it may reach."""
    now_s = int(time.time())
    window = f"from={now_s - 8 * DAY_S}&to={now_s + 8 * DAY_S}"
    path = f"/api/v1/metrics/query?match=load.*&{window}&interval=day&aggregation=count&group_by=all"
    series = ask(ours.candidate.port, path, key=ours.key)["series"]
    return sum(int(value) for each in series for value in each["values"] if value is not None)


def readable_points(candidate: Candidate, ours: Sextant, from_s: int, to_s: int) -> int:
    """Return how many points of the last of the 1,000 metrics an answer shows."""
    if candidate is ours.candidate:
        path = ours_query("load.h999", from_s, to_s, aggregation="count", interval="day")
        series = ask(candidate.port, path, key=ours.key)["series"]
        return sum(value or 0 for each in series for value in each["values"])
    if candidate.name.startswith(VICTORIA):
        chosen = quote('{__name__="load.h999_value"}')
        query = f"count_over_time({chosen}[{to_s - from_s}s])&time={to_s - 0.001:.3f}"
        result = ask(candidate.port, f"/api/v1/query?query={query}&nocache=1")["data"]["result"]
        return sum(int(each["value"][1]) for each in result)
    statement = f'SELECT count(value) FROM "load.h999" WHERE time >= {from_s}s AND time < {to_s}s'
    series = ask(candidate.port, f"/query?db={peers.DATABASE}&q={quote(statement)}")["results"][0].get(
        "series"
    )
    return int(series[0]["values"][0][1]) if series else 0


def wait_until(is_so: Callable[[], bool], longest_s: float, what: str) -> None:
    """Wait for something, looking 100 times a second. Raises RuntimeError when it does not come."""
    end_s = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > end_s:
            raise RuntimeError(f"not within {longest_s:.0f} s: {what}")
        time.sleep(0.01)
