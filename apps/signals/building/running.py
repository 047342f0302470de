"""dbt as a subprocess: in a process group of its own that dies with the job."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from apps.signals.building.events import Line, Step, read_line

# Asks the kernel to end it with its parent, then becomes the command: kill -9 of the worker leaves no dbt
# behind that goes on writing. Not by preexec_fn, which is unsafe beside the threads of a worker.
LAUNCHER: Final = (
    "import ctypes, os, sys; PR_SET_PDEATHSIG, SIGKILL = 1, 9; "
    "ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); "
    "os.getppid() == int(sys.argv[1]) or os._exit(SIGKILL); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)
LOOK_EVERY_S: Final = 0.5
GRACE_S: Final = 5.0
TAIL_LINES: Final = 200
TAIL_CHARS: Final = 16_384
LINE_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call of dbt ended: its exit code (negative: the signal), and the end of what it said."""

    exit_code: int
    tail: str
    timed_out: bool = False


def call(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_s: float,
    on_step: Callable[[Step | None], None],
) -> Ended:
    """Run a command to its end; `on_step` hears of each node, and with None twice a second between them.

    Whatever `on_step` raises (the job was cancelled, the worker stops) ends the command and passes on.
    """
    home = {"HOME": str(folder)}
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", LAUNCHER, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, **home},
        cwd=folder,
        start_new_session=True,
    )
    try:
        return _follow(child, timeout_s, on_step)
    finally:
        _end(child)


def _follow(
    child: subprocess.Popen[bytes], timeout_s: float, on_step: Callable[[Step | None], None]
) -> Ended:
    lines = _lines_of(child)
    deadline_s = time.monotonic() + timeout_s
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    while time.monotonic() < deadline_s:
        try:
            line = lines.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            on_step(None)
            continue
        if line is None:
            return Ended(child.wait(GRACE_S), _joined(tail))
        if line.text:
            tail.append(line.text[:LINE_CHARS])
        if line.step is not None:
            on_step(line.step)
    return Ended(-signal.SIGKILL, _joined(tail), timed_out=True)


def _lines_of(child: subprocess.Popen[bytes]) -> "queue.SimpleQueue[Line | None]":
    """Read the output in a thread, so that a silent command can still be stopped; None is its end."""
    lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
    thread = threading.Thread(target=_read, args=(child.stdout, lines), name="dbt-output", daemon=True)
    thread.start()
    return lines


def _read(stream: IO[bytes], lines: "queue.SimpleQueue[Line | None]") -> None:
    try:
        with stream:
            for raw in stream:
                lines.put(read_line(raw))
    finally:
        lines.put(None)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the whole group: kindly, so that dbt can cancel what its sessions do, then by force."""
    if child.poll() is None:
        _signal_group(child, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    # Its children, too, whatever became of itself.
    _signal_group(child, signal.SIGKILL)
    child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _joined(tail: deque[str]) -> str:
    return "\n".join(tail).replace("\x00", "")[-TAIL_CHARS:]
