"""CPU time of this process, its children and the database: what a busy machine cannot stretch."""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.db import connection

from benchmarks.stage import CLOCK_TICKS

_OWN: Final = slice(11, 13)
_WITH_REAPED: Final = slice(11, 15)


class Meter:
    """Reads the CPU seconds that this process, its ended children and the database server have used."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = int(cursor.fetchone()[0])
        # A server elsewhere has no process here; then its share is missing.
        self._server = _parent(backend)

    def read_s(self) -> float:
        """Return the seconds used so far."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s = time.process_time() + children.ru_utime + children.ru_stime
        return used_s + (self.database_s() if self._server else 0.0)

    def database_s(self) -> float:
        """Return the seconds that the database server and its backends, ended ones too, have used."""
        if self._server is None:
            return 0.0
        used_s = _ticks(self._server, _WITH_REAPED) / CLOCK_TICKS
        return used_s + sum(_ticks(child, _OWN) for child in _children(self._server)) / CLOCK_TICKS

    def timed(self, act: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds that an act takes, wall and CPU."""
        began_s, cpu_s = time.perf_counter(), self.read_s()
        act()
        return time.perf_counter() - began_s, self.read_s() - cpu_s


def _parent(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    parent = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    return parent if parent != os.getpid() else None


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _ticks(pid: int, fields: slice) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return sum(map(int, text.rpartition(")")[2].split()[fields]))
