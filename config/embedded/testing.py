"""The test run: servers of its own that may lose data, pytest on top of them, and its exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config import installation
from config.bootstrap import BASE_DIR
from config.browser_libraries import ensure_browser_libraries
from config.embedded import identity, services
from config.embedded.identity import Identity
from config.embedded.processes import StartFailed
from config.embedded.servers import postgres_program, valkey_program
from config.embedded.start import COMMAND_SECONDS, static_fingerprint
from config.embedded.state import UpLock
from config.embedded.supervisor import IDLE_S, Supervisor

PARALLEL_FROM_CORES: Final = 2
PROCESSES_MAX: Final = 8


def run_tests(var_dir: Path, arguments: Sequence[str], *, strict: bool) -> int:
    """Run pytest beside servers in `var_dir` and return its exit code.

    Servers that the environment names are used as they are. Raises StartFailed.
    """
    installation.make_folders(var_dir)
    lock = UpLock(var_dir)
    if not lock.acquire():
        raise StartFailed(f"Another test run uses {var_dir}; wait for its end.")
    ensure_browser_libraries(for_tests=True)
    installation.make_secrets(var_dir)
    supervisor = Supervisor(var_dir / "log")
    with supervisor.signals():
        try:
            start_servers(supervisor, var_dir)
            collect_static(supervisor, var_dir)
            return run_pytest(supervisor, var_dir, pytest_options(arguments, strict=strict))
        finally:
            supervisor.stop_all()
            lock.release()


def start_servers(supervisor: Supervisor, var_dir: Path) -> None:
    """Start both servers and wait until they answer."""
    programs = (postgres_program(var_dir, fast=True), valkey_program(var_dir, fast=True))
    for child in [supervisor.start(program) for program in programs if program]:
        supervisor.wait_ready(child)


def collect_static(supervisor: Supervisor, var_dir: Path) -> None:
    """Collect the static files, unless none has changed since the last run."""
    fingerprint = static_fingerprint()
    if installation.read_stamp(var_dir, "static") != fingerprint:
        arguments = ["collectstatic", "--no-input", "--verbosity", "0"]
        environ = services.service_environ(var_dir, "command", {})
        supervisor.run_once(services.command_program("static", arguments, environ), COMMAND_SECONDS)
        installation.set_stamp(var_dir, "static", fingerprint)


def pytest_options(arguments: Sequence[str], *, strict: bool) -> list[str]:
    """Return the options of pytest; the caller's own come last.

    One process for each core, as isolated by database as they are by name; a single file starts faster alone.
    """
    cores = len(os.sched_getaffinity(0))
    is_parallel = cores >= PARALLEL_FROM_CORES and not any(".py" in argument for argument in arguments)
    # By group, so that the flows share one running stack: see tests/furniture/stack.py.
    parallel = ["-n", str(min(cores, PROCESSES_MAX)), "--dist", "loadgroup"] if is_parallel else []
    plugin = ["-p", "config.embedded.strict_skips"] if strict else []
    return [*parallel, *plugin, *arguments]


def run_pytest(supervisor: Supervisor, var_dir: Path, options: Sequence[str]) -> int:
    """Run pytest in the foreground, so that Ctrl-C and a debugger reach it, and keep the servers running."""
    environ = services.service_environ(var_dir, "command", {})
    return run_in_foreground(supervisor, ["-m", "pytest", *options], environ)


def run_in_foreground(supervisor: Supervisor, arguments: Sequence[str], environ: dict[str, str]) -> int:
    """Run Python in the foreground while the supervisor keeps its servers; return the exit code."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environ,
        # Safe, because the supervisor has a single thread.
        preexec_fn=identity.child_setup(Identity.CALLER, signal.SIGKILL),  # noqa: PLW1509
    )
    while process.poll() is None:
        if supervisor.stopping:
            supervisor.stopping = False
            process.send_signal(signal.SIGINT)
        supervisor.step(IDLE_S)
    return process.returncode
