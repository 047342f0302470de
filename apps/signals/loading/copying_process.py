"""A process that loads files for another: tasks come as lines on the standard input, answers go out likewise.

Run as `python -m apps.signals.loading.copying_process`. Knows no Django; dies with whoever started it.
"""

import contextlib
import ctypes
import os
import signal
import sys
from typing import Any, BinaryIO, Final

import msgspec
import psycopg

from apps.signals.artifacts.paths import PathEscape
from apps.signals.loading.copying import load_file
from apps.signals.loading.plan import FileTask, Loaded, Target

PR_SET_PDEATHSIG: Final = 1
TOLD_BYTES: Final = 4 * 1024 * 1024


class Assignment(msgspec.Struct):
    """The first line: how to connect, and what is loaded."""

    connection: dict[str, Any]
    target: Target


class Progress(msgspec.Struct, tag="progress"):
    """So many bytes more were read."""

    size_bytes: int


class Done(msgspec.Struct, tag="done"):
    """A file was loaded."""

    loaded: Loaded


class Broken(msgspec.Struct, tag="broken"):
    """A file could not be loaded; a passing fault may be over the next time."""

    path: str
    reason: str
    is_passing: bool


Answer = Progress | Done | Broken


def main() -> None:
    """Load the files that are named until there are no more."""
    _die_with_parent()
    lines = sys.stdin.buffer
    assignment = msgspec.json.decode(lines.readline(), type=Assignment)
    with psycopg.connect(**assignment.connection, autocommit=True) as connection:
        while line := lines.readline():
            task = msgspec.json.decode(line, type=FileTask)
            _say(sys.stdout.buffer, attempt(connection, assignment.target, task, _Teller(sys.stdout.buffer)))


def attempt(
    connection: psycopg.Connection[Any], target: Target, task: FileTask, tell: "_Teller | Any"
) -> Done | Broken:
    """Load a file and say what became of it."""
    try:
        return Done(load_file(connection, target, task, tell))
    except (OSError, PathEscape) as error:
        return Broken(task.path, str(error)[:300] or type(error).__name__, is_passing=False)
    except psycopg.OperationalError as error:
        return Broken(task.path, str(error)[:300], is_passing=True)
    except psycopg.Error as error:
        return Broken(task.path, str(error)[:300], is_passing=False)


class _Teller:
    """Passes on how many bytes were read, some megabytes at once."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._bytes = 0

    def __call__(self, count: int) -> None:
        self._bytes += count
        if self._bytes >= TOLD_BYTES:
            _say(self._out, Progress(self._bytes))
            self._bytes = 0


def _say(out: BinaryIO, answer: Answer) -> None:
    out.write(msgspec.json.encode(answer) + b"\n")
    out.flush()


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        sys.exit(1)


if __name__ == "__main__":
    main()
