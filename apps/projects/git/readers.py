"""Readers of objects that outlive the request: to start git takes longer than to read what one answer shows.

At most KEPT_MAX of them wait for the next request, none longer than IDLE_S: a repository that is given up
must not keep its place on the disk, and git not its memory.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Final

from apps.projects.git.objects import ObjectReader
from apps.projects.git.processes import (
    READ_MEMORY_BYTES,
    bound_memory,
    command_line,
    empty_folder,
    environment,
    kill_group,
)

KEPT_MAX: Final = 8
IDLE_S: Final = 15.0
# What git may keep of objects that others are put together from; 96 MiB where nobody says so.
SETTINGS: Final = ("core.deltaBaseCacheLimit=4m",)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reader that nobody uses just now, and since when (monotonic)."""

    repository: Path
    process: "Popen[bytes]"
    reader: ObjectReader
    since_s: float


class Readers:
    """The readers of this process that wait, oldest first; a thread ends those that have waited too long."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin without any; in a forked process those that wait stay the other one's."""
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._sweeper: threading.Thread | None = None
        self._look_again = threading.Event()

    def end_all(self) -> None:
        """End those that wait."""
        with self._lock:
            ended, self._waiting = self._waiting, []
        self._look_again.set()
        for each in ended:
            kill_group(each.process)

    def waiting(self) -> list[Waiting]:
        """Return those that wait, oldest first."""
        with self._lock:
            return list(self._waiting)

    def take(self, repository: Path) -> "tuple[Popen[bytes], ObjectReader]":
        """Return a reader of a repository, for the caller alone; raises GitMissing."""
        with self._lock:
            found = next((each for each in reversed(self._waiting) if each.repository == repository), None)
            if found is not None:
                self._waiting.remove(found)
        if found is not None and found.process.poll() is None:
            return found.process, found.reader
        if found is not None:
            kill_group(found.process)
        process = _start(repository)
        return process, ObjectReader(process)

    def give_back(self, repository: Path, process: "Popen[bytes]", reader: ObjectReader) -> None:
        """Let a reader wait for the next request; the oldest goes where too many do."""
        surplus = None
        with self._lock:
            self._waiting.append(Waiting(repository, process, reader, time.monotonic()))
            if len(self._waiting) > KEPT_MAX:
                surplus = self._waiting.pop(0)
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep, name="git-readers", daemon=True)
                self._sweeper.start()
        if surplus is not None:
            kill_group(surplus.process)

    def _sweep(self) -> None:
        """End readers as their time comes, until none waits."""
        while (pause_s := self._drop_idle()) is not None:
            self._look_again.wait(pause_s)
            self._look_again.clear()

    def _drop_idle(self) -> float | None:
        """End those that have waited too long; return when to look again, None where none is left."""
        now_s = time.monotonic()
        with self._lock:
            late = [each for each in self._waiting if now_s - each.since_s >= IDLE_S]
            self._waiting = [each for each in self._waiting if now_s - each.since_s < IDLE_S]
            if not self._waiting:
                self._sweeper = None
            pause_s = self._waiting[0].since_s + IDLE_S - now_s if self._waiting else None
        for each in late:
            kill_group(each.process)
        return pause_s


READERS: Final = Readers()
os.register_at_fork(after_in_child=READERS.forget)


@contextmanager
def borrow_objects(repository: Path) -> Iterator[ObjectReader]:
    """Give a reader of a repository's objects while the block runs; raises GitMissing.

    One that was left in the middle of an answer, or failed, is used by nobody else.
    """
    process, reader = READERS.take(repository)
    try:
        yield reader
    except BaseException:
        kill_group(process)
        raise
    if reader.is_at_rest:
        READERS.give_back(repository, process, reader)
    else:
        kill_group(process)


def _start(repository: Path) -> "Popen[bytes]":
    process = Popen(
        command_line(repository, ("cat-file", "--batch-command"), SETTINGS),
        env=environment(),
        cwd=empty_folder(),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    bound_memory(process, READ_MEMORY_BYTES)
    return process
