"""The benchmark run: servers of its own that write to disk as in production, and the benchmarks on top."""

from collections.abc import Sequence
from pathlib import Path

from config import installation
from config.embedded import services
from config.embedded.processes import StartFailed
from config.embedded.servers import postgres_program, valkey_program
from config.embedded.start import COMMAND_SECONDS
from config.embedded.state import UpLock
from config.embedded.supervisor import Supervisor
from config.embedded.testing import run_in_foreground


def run_benchmarks(var_dir: Path, arguments: Sequence[str]) -> int:
    """Run the benchmarks beside servers in `var_dir` and return their exit code.

    Servers that the environment names are used as they are. Raises StartFailed.
    """
    installation.make_folders(var_dir)
    lock = UpLock(var_dir)
    if not lock.acquire():
        raise StartFailed(f"Another benchmark uses {var_dir}; wait for its end.")
    installation.make_secrets(var_dir)
    supervisor = Supervisor(var_dir / "log")
    with supervisor.signals():
        try:
            programs = (postgres_program(var_dir, fast=False), valkey_program(var_dir, fast=False))
            for child in [supervisor.start(program) for program in programs if program]:
                supervisor.wait_ready(child)
            environ = services.service_environ(var_dir, "command", {})
            migrate = services.command_program("migrate", ["migrate", "--no-input"], environ)
            supervisor.run_once(migrate, COMMAND_SECONDS)
            return run_in_foreground(supervisor, ["-m", "benchmarks", *arguments], environ)
        finally:
            supervisor.stop_all()
            lock.release()
