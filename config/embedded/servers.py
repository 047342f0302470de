"""The two servers as programs of the supervisor; what the environment names is not started."""

import os
import signal
from pathlib import Path
from typing import Final

from config.embedded import postgres, valkey
from config.embedded.processes import Program

STOP_SECONDS: Final = 10.0


def postgres_program(var_dir: Path, *, fast: bool) -> Program | None:
    """Return the embedded PostgreSQL, its cluster made; None where DATABASE_URL names another server.

    `fast` gives up safety against a crash of the machine. Raises StartFailed.
    """
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        return None
    cluster = postgres.prepare_cluster(var_dir, fast=fast)
    return Program(
        name="postgres",
        command=cluster.command(),
        environ=postgres.environ(),
        folder=cluster.data.parent,
        run_as=cluster.identity,
        # SIGINT is PostgreSQL's fast shutdown: sessions are ended and nothing is lost.
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
        stop_seconds=STOP_SECONDS,
        is_ready=cluster.is_ready,
    )


def valkey_program(var_dir: Path, *, fast: bool) -> Program | None:
    """Return the embedded Valkey; None where REDIS_URL names another server. Raises StartFailed."""
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        return None
    return Program(
        name="valkey",
        command=valkey.command(var_dir, fast=fast),
        environ=valkey.environ(),
        stop_signal=signal.SIGTERM,
        death_signal=signal.SIGTERM,
        stop_seconds=STOP_SECONDS,
        is_ready=lambda _pid: valkey.is_ready(var_dir),
    )
