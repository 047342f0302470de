"""Starts processes, moves their output to logs, restarts what crashes and stops everything in order.

One thread on purpose: the kernel ties the parent-death signal to the thread that started a process, and
nothing else may run between fork and exec.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from config.embedded.processes import Child, Program, RotatingLog, StartFailed

READY_SECONDS: Final = 120.0
POLL_S: Final = 0.02
IDLE_S: Final = 0.25
# A process that ends this often before it is ready has a reason that another start won't cure.
FAILED_STARTS: Final = 3


class Supervisor:
    """The parent of all processes of one data folder."""

    def __init__(self, log_dir: Path, on_change: Callable[[], None] = lambda: None) -> None:
        log_dir.mkdir(mode=0o700, exist_ok=True)
        self.log_dir = log_dir
        self.children: dict[str, Child] = {}
        self.stopping = False
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as the wish to stop; wake up for them and for ended children."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        former = {number: signal.signal(number, self._request_stop) for number in numbers}
        former[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        former_wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_wakeup)
            for number, handler in former.items():
                signal.signal(number, handler)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from then on."""
        child = Child(program, RotatingLog(self.log_dir / f"{program.name}.log"))
        self.children[program.name] = child
        self._spawn(child)
        return child

    def _spawn(self, child: Child) -> None:
        child.start()
        self._selector.register(child.output(), selectors.EVENT_READ, child)
        self._on_change()

    def _spawn_again(self, child: Child) -> None:
        """Start an ended program; where the machine cannot just now, it is tried again after a pause."""
        try:
            self._spawn(child)
        except (OSError, subprocess.SubprocessError) as error:
            child.log.write(f"-- not started: {error}\n".encode())
            child.end()

    def wait_ready(self, child: Child, seconds: float = READY_SECONDS) -> None:
        """Return when a child does its work. Raises StartFailed if it takes too long or is cut off."""
        deadline = time.monotonic() + seconds
        while not child.check_ready():
            if self.stopping:
                raise StartFailed("stopped before it was up")
            if time.monotonic() > deadline or child.restarts >= FAILED_STARTS:
                raise StartFailed(f"{child.program.name} did not start; its log is {child.log.path}")
            self.step(POLL_S)
        self._on_change()

    def run(self, watch: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until a signal asks to stop; `watch` is called again and again."""
        while not self.stopping:
            self.step(IDLE_S)
            watch()

    def run_once(self, program: Program, seconds: float) -> None:
        """Run a program to its end. Raises StartFailed if it fails or takes longer."""
        self.finish(self.start(program), seconds)

    def finish(self, child: Child, seconds: float) -> None:
        """Wait for the end of a program that runs once. Raises StartFailed if it fails or takes longer."""
        deadline = time.monotonic() + seconds
        while child.popen:
            if self.stopping or time.monotonic() > deadline:
                self.stop(child)
                raise StartFailed(f"{child.program.name} was stopped before its end")
            self.step(POLL_S)
        self.forget(child)
        if child.exit_code != 0:
            raise StartFailed(f"{child.program.name} failed; its log is {child.log.path}")

    def forget(self, child: Child) -> None:
        """Take a program that ran once, and has ended, off the list."""
        del self.children[child.program.name]
        child.log.close()
        self._on_change()

    def step(self, seconds: float, *, restart: bool = True) -> None:
        """Move output, collect what ended, start what is due; waits at most `seconds` for something to do."""
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Child):
                self._drain(key.data)
            else:
                os.read(self._wake_read, 512)
        for child in self.children.values():
            if child.popen and child.has_ended():
                self._collect(child)
            elif child.popen is None and restart and child.is_due():
                child.restarts += 1
                self._spawn_again(child)
            elif not child.ready and child.check_ready():
                self._on_change()

    def _drain(self, child: Child) -> None:
        was_ready = child.ready
        if not child.drain():
            self._selector.unregister(child.output())
        if child.ready != was_ready:
            self._on_change()

    def _collect(self, child: Child) -> None:
        """Take the last words of an ended process; its own children may hold the pipe open, so never wait."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.output())
            child.drain()
        child.end()
        self._on_change()

    def stop(self, child: Child) -> None:
        """Ask a child to end, and kill it when its time is up."""
        child.signal(child.program.stop_signal)
        deadline = time.monotonic() + child.program.stop_seconds
        while child.popen and time.monotonic() < deadline:
            self.step(POLL_S, restart=False)
        if child.popen:
            child.signal(signal.SIGKILL)
            child.popen.wait()
            self._collect(child)

    def stop_all(self) -> None:
        """Stop every child, the last started first."""
        for child in reversed(self.children.values()):
            self.stop(child)
            child.log.close()
        self.children.clear()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
