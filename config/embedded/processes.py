"""One supervised process: what it runs, how it is started and stopped, and its log."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.bootstrap import BASE_DIR
from config.embedded import identity
from config.embedded.identity import Identity

LOG_BYTES: Final = 10 * 1024 * 1024
LOG_FILES: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
# A process that ran this long was healthy: its next failure counts as the first one.
HEALTHY_SECONDS: Final = 60.0
READ_BYTES: Final = 65_536


class StartFailed(Exception):
    """A step of the start failed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to treat it.

    It is ready once its output contains `announcement` and then, where given, `is_ready` says so of its
    process id.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    stop_signal: signal.Signals
    stop_seconds: float
    death_signal: signal.Signals = signal.SIGKILL
    run_as: Identity = Identity.CALLER
    is_ready: Callable[[int], bool] | None = None
    announcement: bytes = b""
    # Open files of the supervisor that the process inherits under the same numbers.
    pass_fds: Sequence[int] = ()
    folder: Path = BASE_DIR
    # Runs to its end once, and is never started again.
    once: bool = False


class RotatingLog:
    """A log file that moves aside at 10 MB; five files are kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def write(self, text: bytes) -> None:
        """Append to the log."""
        # A full disk must not take the processes down with it: the line is lost, the service goes on.
        with contextlib.suppress(OSError):
            if self._file.tell() + len(text) > LOG_BYTES:
                self._rotate()
            self._file.write(text)

    def _rotate(self) -> None:
        for number in range(LOG_FILES - 1, 0, -1):
            older = self.path.with_suffix(f".log.{number}")
            newer = self.path.with_suffix(f".log.{number - 1}") if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                newer.rename(older)
        # Opened before the other is closed: where that fails there is still one to write to.
        former, self._file = self._file, self.path.open("ab", buffering=0)
        former.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(slots=True)
class Child:
    """A program under supervision, over all its restarts."""

    program: Program
    log: RotatingLog
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    started_clock: float = 0.0
    restarts: int = 0
    pause_s: float = FIRST_PAUSE_S
    due_clock: float = 0.0
    exit_code: int | None = None
    ready: bool = False
    _announced: bool = field(default=False, repr=False)
    _tail: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int | None:
        """Return the id of the running process."""
        return self.popen.pid if self.popen else None

    def start(self) -> None:
        """Start the process, in a session of its own so that Ctrl-C reaches only the supervisor."""
        self.ready, self._announced, self._tail = False, not self.program.announcement, b""
        self.popen = subprocess.Popen(
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self.program.environ),
            cwd=self.program.folder,
            # Safe, because the supervisor has a single thread.
            preexec_fn=identity.child_setup(self.program.run_as, self.program.death_signal),  # noqa: PLW1509
            start_new_session=True,
            pass_fds=self.program.pass_fds,
        )
        os.set_blocking(self.output(), False)
        self.started_at, self.started_clock = time.time(), time.monotonic()

    def output(self) -> int:
        """Return the descriptor the process writes to."""
        if self.popen is None or self.popen.stdout is None:
            raise StartFailed(f"{self.program.name} is not running")
        return self.popen.stdout.fileno()

    def drain(self) -> bool:
        """Move what was written to the log; False at the end of the output."""
        try:
            text = os.read(self.output(), READ_BYTES)
        except BlockingIOError:
            return True
        self.log.write(text)
        if not self._announced:
            self._tail = (self._tail + text)[-2 * READ_BYTES :]
            self._announced = self.program.announcement in self._tail
            self.ready = self._announced and self.program.is_ready is None
        return bool(text)

    def check_ready(self) -> bool:
        """Tell whether the process does its work by now."""
        if not self.ready and self._announced and self.popen and self.program.is_ready:
            self.ready = self.program.is_ready(self.popen.pid)
        return self.ready

    def has_ended(self) -> bool:
        """Tell whether the process is gone, and collect it."""
        return self.popen is None or self.popen.poll() is not None

    def is_due(self) -> bool:
        """Tell whether an ended process is to be started again by now."""
        return not self.program.once and time.monotonic() >= self.due_clock

    def end(self) -> None:
        """Forget a process that has ended and set the time of its next start."""
        if self.popen and self.popen.stdout:
            self.popen.stdout.close()
            self.exit_code = self.popen.returncode
        self.popen, self.ready = None, False
        if time.monotonic() - self.started_clock > HEALTHY_SECONDS:
            self.pause_s = FIRST_PAUSE_S
        self.due_clock = time.monotonic() + self.pause_s
        if not self.program.once:
            self.log.write(f"-- ended with code {self.exit_code}, paused for {self.pause_s} s\n".encode())
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; to all of its session when it is to be killed."""
        if self.popen is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if number is signal.SIGKILL:
                os.killpg(self.popen.pid, number)
            else:
                self.popen.send_signal(number)
