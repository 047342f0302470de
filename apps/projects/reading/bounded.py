"""Calls of git whose answer depends on what strangers committed: bounded in time and memory.

Attributes, filters, drivers and external diffs of a repository have no say in any of them.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from typing import IO, Final

from apps.common.errors import Unavailable
from apps.projects.errors import GitFailed
from apps.projects.git.processes import READ_MEMORY_BYTES, bound_memory, open_git

SETTINGS: Final = (
    # A newer git takes attributes from HEAD; what names no tree counts as an empty one.
    "attr.tree=0000000000000000000000000000000000000000",
    "core.bigFileThreshold=32m",
    "grep.threads=2",
)


class ReadingTooLong(Unavailable):
    """Reading this from the repository takes too long.

    Narrow the question, say to a folder or to refs that lie closer together.
    """

    code = "projects.reading_too_long"


class BoundedGit:
    """A running git; `is_late` once it was killed at its deadline."""

    def __init__(self, process: "Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - open_git always gives pipes
        self.stream: IO[bytes] = process.stdout
        self.is_late = False
        self._process = process

    def stop(self) -> None:
        """Kill it: its time is over."""
        self.is_late = True
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self, accepted: frozenset[int] = frozenset({0})) -> None:
        """Wait for the end, once all was read; raises GitFailed, but not for what was killed as late."""
        code = self._process.wait()
        if not self.is_late and code not in accepted:
            raise GitFailed(f"git ended with {code}.")


@contextmanager
def bounded_git(
    repository: Path | None,
    *arguments: str,
    deadline_s: float,
    extra: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[BoundedGit]:
    """Start git; it is killed at the deadline, and when the block ends."""
    with open_git(repository, *arguments, extra=extra, more=SETTINGS, cwd=cwd) as process:
        bound_memory(process, READ_MEMORY_BYTES)
        git = BoundedGit(process)
        timer = threading.Timer(deadline_s, git.stop)
        timer.start()
        try:
            yield git
        finally:
            timer.cancel()


def bounded_output(repository: Path, *arguments: str, deadline_s: float, max_bytes: int) -> bytes:
    """Return what git writes; raises ReadingTooLong beyond the deadline or the size, GitFailed."""
    with bounded_git(repository, *arguments, deadline_s=deadline_s) as git:
        output = git.stream.read(max_bytes + 1)
        if len(output) > max_bytes:
            raise ReadingTooLong
        git.end()
        if git.is_late:
            raise ReadingTooLong
    return output
