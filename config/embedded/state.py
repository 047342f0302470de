"""What a supervisor tells other commands: the lock it holds, and a file with its processes.

The lock is the single truth. The kernel drops it with the process, so a stale file can claim nothing.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO, TypedDict

from config.embedded.processes import Child
from config.installation import write_atomically

RUNNING: Final = "running"
STARTING: Final = "starting"
WAITING: Final = "waiting"  # it crashed and is started again after a pause


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock; without an id for the moment between taking it and signing it."""

    pid: int | None
    address: str


class StoredProcess(TypedDict):
    """One process as the supervisor stores it."""

    name: str
    pid: int | None
    state: str
    started_at: float
    restarts: int


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as `status` reports it; memory is proportional, over the process and all it started."""

    name: str
    pid: int | None
    state: str
    uptime_s: int
    restarts: int
    memory_bytes: int


class UpLock:
    """The lock of a data folder, held by its supervisor as long as it lives."""

    def __init__(self, var_dir: Path) -> None:
        self._path = var_dir / "run" / "up.lock"
        self._file: TextIO | None = None

    def acquire(self) -> bool:
        """Take the lock; False if a living process has it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        self.write("")
        return True

    def write(self, address: str) -> None:
        """Tell who holds the lock and where the page answers."""
        if self._file is None:
            raise RuntimeError("the lock is not held")
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} {address}\n")
        self._file.flush()

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def holder(self) -> Holder | None:
        """Return who holds the lock; None if nobody does."""
        try:
            file = self._path.open("r")
        except FileNotFoundError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, _, address = file.read().strip().partition(" ")
                return Holder(int(pid) if pid else None, address)
        return None


def write_processes(var_dir: Path, children: Iterable[Child], *, started_at: float, is_up: bool) -> None:
    """Store the processes for `status`; the supervisor itself is one of them, and starts until all is up."""
    own = stored_row("supervisor", os.getpid(), RUNNING if is_up else STARTING, started_at, 0)
    rows = [
        stored_row(child.program.name, child.pid, state_of(child), child.started_at, child.restarts)
        for child in children
        if not child.program.once
    ]
    # On a full disk `status` tells what was before, and the processes go on.
    with contextlib.suppress(OSError):
        write_atomically(var_dir / "run" / "processes.json", json.dumps([own, *rows]))


def stored_row(name: str, pid: int | None, state: str, started_at: float, restarts: int) -> StoredProcess:
    """Return one process as it is stored."""
    return {"name": name, "pid": pid, "state": state, "started_at": started_at, "restarts": restarts}


def state_of(child: Child) -> str:
    """Return the state of one process."""
    if child.pid is None:
        return WAITING
    return RUNNING if child.ready else STARTING


def read_processes(var_dir: Path) -> list[ProcessState]:
    """Return the processes of the running supervisor, measured now."""
    try:
        rows: list[StoredProcess] = json.loads((var_dir / "run" / "processes.json").read_text())
    except FileNotFoundError:
        return []
    supervisor = rows[0]["pid"]
    # The others are children of the supervisor and are counted in their own rows.
    started_by = children_by_parent()
    started_by.pop(supervisor or 0, None)
    now = time.time()
    return [
        ProcessState(
            name=row["name"],
            pid=row["pid"],
            state=row["state"],
            uptime_s=int(now - row["started_at"]) if row["pid"] else 0,
            restarts=row["restarts"],
            memory_bytes=memory_bytes(row["pid"], started_by) if row["pid"] else 0,
        )
        for row in rows
    ]


def as_json(holder: Holder | None, processes: Iterable[ProcessState]) -> str:
    """Return what `status --json` prints."""
    who = asdict(holder) if holder else {"pid": None, "address": None}
    return json.dumps({**who, "processes": [asdict(process) for process in processes]}, indent=2)


def children_by_parent() -> dict[int, list[int]]:
    """Return the ids of all processes by the id of their parent."""
    found: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # The name of the program, in brackets, may itself hold brackets and spaces.
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
                found.setdefault(int(after_name[1]), []).append(int(folder.name))
    return found


def memory_bytes(pid: int, started_by: dict[int, list[int]]) -> int:
    """Return the proportional memory of a process and everything below it."""
    own = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                own = int(line.split()[1]) * 1024
    return own + sum(memory_bytes(child, started_by) for child in started_by.get(pid, []))
