"""Leaving the terminal: a start goes on in the background once it has succeeded."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def detached(work: Callable[[Callable[[], None]], int], log: Path) -> int:
    """Run `work` in a session of its own; return 0 when it says that all is up, else its exit code.

    Up to then it writes to the caller's terminal, afterwards to `log`.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        # Returns into the command, which ends the process with this code.
        return work(lambda: _let_go(write, log))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        try:
            if pipe.read(1):
                return 0
        except KeyboardInterrupt:
            # It left the terminal's session, so nobody else tells it.
            os.kill(pid, signal.SIGINT)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _let_go(write: int, log: Path) -> None:
    """Give the terminal back, then tell the waiting process to end."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.write(write, b"\n")
    os.close(write)
