"""Looks at the parts of the installation: each probe answers with facts, or says why it cannot.

An app adds its own in `AppConfig.ready()`: `register_probe(Probe("imports", probe_imports))`.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import redis
import structlog
from django.conf import settings
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.jobs import iter_kinds
from apps.common.outbound.breaker import open_circuits

PROBE_S: Final = 2.0
CACHED_S: Final = 10.0
DISK_FREE_MIN: Final = 0.15
MEMORY_USED_MAX: Final = 0.85
CLOCK_SKEW_MAX_S: Final = 2.0
QUEUE_DEPTH_MAX: Final = 500
QUEUE_OLDEST_MAX_S: Final = 300.0

Facts = dict[str, Any]

logger = structlog.get_logger(__name__)


class Status(StrEnum):
    """How a part is, from good to bad."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


class Degraded(Exception):
    """The part works, but not as it should; carries its facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        super().__init__("degraded")


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at one part, without which the processes of `required_by` (web, worker, beat) cannot work."""

    name: str
    look: Callable[[], Facts]
    required_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found. Facts hold no host names, no addresses, no secrets."""

    name: str
    status: Status
    latency_ms: float
    facts: Facts = field(default_factory=dict)


_probes: dict[str, Probe] = {}
_cached: dict[str, tuple[float, Finding]] = {}


def register_probe(probe: Probe) -> None:
    """Add a probe to `/healthz`."""
    _probes[probe.name] = probe


def probe_names() -> list[str]:
    """Return the names of all probes."""
    return list(_probes)


def run_probes(names: Iterable[str] | None = None) -> list[Finding]:
    """Run probes side by side, 2 s each; findings are good for 10 s. Raises KeyError for an unknown name."""
    chosen = [_probes[name] for name in (names if names is not None else _probes)]
    now_s = time.monotonic()
    stale = [probe for probe in chosen if _cached.get(probe.name, (-CACHED_S,))[0] + CACHED_S <= now_s]
    if stale:
        # Not a context manager: leaving it would wait for a probe that hangs.
        executor = ThreadPoolExecutor(len(stale), thread_name_prefix="probe")
        futures = {probe.name: executor.submit(_look, probe) for probe in stale}
        for name, future in futures.items():
            left_s = max(now_s + PROBE_S - time.monotonic(), 0)
            try:
                finding = future.result(left_s)
            except TimeoutError:
                finding = Finding(name, Status.FAILING, PROBE_S * 1_000, {"error": "no answer in time"})
            _cached[name] = (now_s, finding)
        executor.shutdown(wait=False)
    return [_cached[probe.name][1] for probe in chosen]


def forget_findings() -> None:
    """Let the next run look anew."""
    _cached.clear()


def verdict(findings: Iterable[Finding], required: frozenset[str]) -> Status:
    """Return the state of the whole: failing if a required part fails, degraded if anything is not well."""
    found = list(findings)
    if any(finding.status is Status.FAILING and finding.name in required for finding in found):
        return Status.FAILING
    is_well = all(finding.status is Status.OK for finding in found)
    return Status.OK if is_well else Status.DEGRADED


def required_by(role: str) -> frozenset[str]:
    """Return the names of the probes without which a process of that role cannot work."""
    return frozenset(probe.name for probe in _probes.values() if role in probe.required_by)


def required_by_any() -> list[str]:
    """Return the names of the probes that any role needs."""
    return [probe.name for probe in _probes.values() if probe.required_by]


def _look(probe: Probe) -> Finding:
    """Run one probe in its own thread, and close the connection that it opened."""
    started_s = time.perf_counter()
    try:
        status, facts = Status.OK, probe.look()
    except Degraded as degraded:
        status, facts = Status.DEGRADED, degraded.facts
    except Exception as error:  # a probe stands for anything that can go wrong in its part
        logger.warning("probe_failed", probe=probe.name, error=repr(error))
        status, facts = Status.FAILING, {"error": type(error).__name__}
    finally:
        connection.close()
    return Finding(probe.name, status, round((time.perf_counter() - started_s) * 1_000, 1), facts)


def _judged(facts: Facts, *, is_good: bool) -> Facts:
    """Return the facts; raises Degraded with them unless they are good."""
    if not is_good:
        raise Degraded(facts)
    return facts


def probe_database() -> Facts:
    """Ask PostgreSQL for its version, connections and clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), now(), current_setting('max_connections')::int,"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())"
        )
        version, now, limit, used = cursor.fetchone() or ("", timezone.now(), 0, 0)
    skew_s = abs((timezone.now() - now).total_seconds())
    facts = {
        "version": version.partition(" ")[0],
        "connections": used,
        "connections_max": limit,
        "clock_skew_s": round(skew_s, 3),
    }
    return _judged(facts, is_good=skew_s <= CLOCK_SKEW_MAX_S)


def probe_migrations() -> Facts:
    """Require that the tables are those of this release."""
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise LookupError(f"{len(pending)} migrations are pending")
    return {"applied": len(executor.loader.applied_migrations)}


def probe_valkey() -> Facts:
    """Ask Valkey for its memory, and require that it keeps what it was given."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.25, socket_timeout=0.5)
    try:
        info: Mapping[str, Any] = client.info("memory")
    finally:
        client.close()
    used, limit, policy = info["used_memory"], info["maxmemory"], info["maxmemory_policy"]
    facts = {"memory_bytes": used, "memory_max_bytes": limit, "policy": policy}
    has_room = not limit or used <= MEMORY_USED_MAX * limit
    return _judged(facts, is_good=has_room and policy == "noeviction")


def probe_storage() -> Facts:
    """Write, read and delete a file."""
    content = secrets.token_bytes(64)
    name = default_storage.save(f"probes/{secrets.token_hex(8)}", ContentFile(content))
    try:
        with default_storage.open(name) as file:
            if file.read() != content:
                raise OSError("read something else than was written")
    finally:
        default_storage.delete(name)
    return {"bytes": len(content)}


def probe_disk() -> Facts:
    """Look at the room on the disk of the data folder."""
    facts = disk_facts()
    return _judged(facts, is_good=facts["free_bytes"] >= DISK_FREE_MIN * facts["total_bytes"])


def disk_facts() -> Facts:
    """Return the free and the whole bytes of the data folder's disk."""
    folder = Path(settings.VAR_DIR)
    usage = shutil.disk_usage(folder if folder.exists() else os.sep)
    return {"free_bytes": usage.free, "total_bytes": usage.total}


def probe_queues() -> Facts:
    """Count the rows that wait for a worker, and how long the oldest has been waiting."""
    depth, oldest_s = 0, 0.0
    now = timezone.now()
    for kind in iter_kinds():
        waiting = kind.rows.filter(status=JobStatus.QUEUED).exclude(run_after__gt=now)
        depth += waiting.count()
        first = waiting.order_by("queued_at").values_list("queued_at", flat=True).first()
        if first is not None:
            oldest_s = max(oldest_s, (now - first).total_seconds())
    facts = {"queued": depth, "oldest_s": round(oldest_s, 1)}
    return _judged(facts, is_good=depth <= QUEUE_DEPTH_MAX and oldest_s <= QUEUE_OLDEST_MAX_S)


def probe_mail() -> Facts:
    """Reach the mail server, or the folder that stands for it."""
    with mail.get_connection(fail_silently=False):
        return {"backend": settings.EMAIL_BACKEND.rsplit(".", 2)[-2]}


def probe_breakers() -> Facts:
    """Look whether foreign hosts are left alone just now."""
    open_now = open_circuits()
    return _judged({"open": open_now}, is_good=not open_now)


ALL_ROLES: Final = frozenset({"web", "worker", "beat"})

register_probe(Probe("database", probe_database, required_by=ALL_ROLES))
register_probe(Probe("migrations", probe_migrations, required_by=ALL_ROLES))
register_probe(Probe("valkey", probe_valkey, required_by=frozenset({"worker", "beat"})))
register_probe(Probe("storage", probe_storage))
register_probe(Probe("disk", probe_disk))
register_probe(Probe("queues", probe_queues))
register_probe(Probe("mail", probe_mail))
register_probe(Probe("breakers", probe_breakers))
