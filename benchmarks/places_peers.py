"""The peers of places that are servers or interpreters of their own: DuckDB of PyPI, PostGIS of Debian."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import psycopg

from benchmarks.stage import Stage
from config.embedded import identity
from config.embedded.postgres import run_as

DUCKDB_FILE: Final = Path(__file__).with_name("places_duckdb.py")
DEBIAN_POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
POSTGIS_CONTROL: Final = Path("/usr/share/postgresql/15/extension/postgis.control")
READY_S: Final = 60.0
SETTINGS: Final = ("listen_addresses=", "shared_buffers=256MB", "jit=off", "fsync=off")


class Duck:
    """DuckDB with a database file of its own."""

    def __init__(self, interpreter: Path, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [str(interpreter), str(DUCKDB_FILE), str(folder / "bench.duckdb")]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait(READY_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def version(self) -> str:
        """Return its version."""
        return str(self._ask(None)["version"])

    def run(self, statement: str) -> tuple[float, float]:
        """Return the seconds that a statement takes until its rows are there, wall and CPU."""
        answer = self._ask(statement)
        return float(answer["wall_s"]), float(answer["cpu_s"])

    def _ask(self, statement: str | None) -> dict[str, str | float]:
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("DuckDB has no pipes.")
        self._child.stdin.write(json.dumps(statement) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("DuckDB has ended.")
        answer: dict[str, str | float] = json.loads(line)
        return answer


def open_duck(stage: Stage, name: str) -> Duck | None:
    """Start DuckDB if the environment for it was made, else say how to make it."""
    interpreter = stage.folder / "venv" / "bin" / "python"
    if not interpreter.exists():
        venv = interpreter.parent.parent
        stage.notes.append(
            f"Not measured: DuckDB. In var/bench/peers, `{Path(sys.executable).name} -m venv {venv.name}` and"
            f" `{venv.name}/bin/pip install duckdb numpy` make it ready."
        )
        return None
    return Duck(interpreter, stage.folder / name)


@contextmanager
def postgis(stage: Stage) -> Iterator["psycopg.Connection[tuple[object, ...]] | None"]:
    """Yield a connection to a throwaway server with PostGIS, None where Debian's is not installed."""
    if not POSTGIS_CONTROL.exists():
        stage.notes.append("Not measured: the Debian package postgresql-15-postgis-3 is not installed.")
        yield None
        return
    folder = stage.folder / "postgis"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    chosen = identity.choose_identity(folder, DEBIAN_POSTGRES / "postgres")
    if chosen is None:
        raise RuntimeError("Nobody can run PostgreSQL here.")
    data = folder / "data"
    run_as(chosen, [str(DEBIAN_POSTGRES / "initdb"), "-D", str(data), "-U", "bench", "--auth=trust"], "")
    command = [str(DEBIAN_POSTGRES / "postgres"), "-D", str(data)]
    for setting in (*SETTINGS, f"unix_socket_directories={folder}"):
        command += ["-c", setting]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.defpath},
            preexec_fn=identity.child_setup(chosen, signal.SIGKILL),  # noqa: PLW1509 - no thread runs yet
            stdout=log,
            stderr=log,
        )
    try:
        with _connected(folder) as connection:
            connection.execute("CREATE EXTENSION postgis")
            yield connection
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(READY_S)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(folder: Path) -> "psycopg.Connection[tuple[object, ...]]":
    deadline = time.monotonic() + READY_S
    while True:
        try:
            return psycopg.connect(host=str(folder), user="bench", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
