"""What processes use: CPU and memory of a server with all its children, also of those that have ended."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import redis
from django.conf import settings
from django.db import connection

CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started, of any of its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def tree_of(pid: int) -> list[int]:
    """Return a process and all its descendants; none if it has ended."""
    try:
        return [pid, *(below for child in children_of(pid) for below in tree_of(child))]
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU time of the trees of processes, with that of ended children."""
    return sum(_cpu_s(process) for pid in pids for process in tree_of(pid))


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # User and system time, and the same of children that were waited for.
    return sum(map(int, fields[11:15])) / CLOCK_TICKS


def memory_mb(pids: Iterable[int], kind: str = "Pss") -> float:
    """Return the proportional (`Pss`) or resident (`Rss`) memory of the trees of processes, in MB."""
    return sum(_memory_kb(process, kind) for pid in pids for process in tree_of(pid)) / 1_000


def _memory_kb(pid: int, kind: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")), 0) * 1.024


def postgres_pid() -> int | None:
    """Return the first process of the database server, if it runs here."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    try:
        return int((folder / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, PermissionError):
        return None


def valkey_pid() -> int | None:
    """Return the process of Valkey, if it runs here."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        pid = int(client.info("server")["process_id"])
    return pid if Path(f"/proc/{pid}").exists() else None


def versioned(name: str, output: str) -> str:
    """Return a peer's name with the first version number of what it prints about itself."""
    words = (word.lstrip("v").split("~")[0].split("+")[0] for word in output.replace("-", " ").split())
    version = next((word for word in words if word[:1].isdigit() and "." in word), "of unknown version")
    return f"{name} {version}"
