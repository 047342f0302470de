"""The whole installation by one command, in a folder of its own: up, status, a crash, kill -9, down."""

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.bootstrap import BASE_DIR
from config.embedded.start import listen
from config.embedded.state import children_by_parent

# In one test process, so that the installation is set up once.
pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("installation")]

WAIT_S = 120


def free_port() -> int:
    """Return a port that is free, and that nobody gets who asks for any: those are above."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Installation:
    """One data folder and the commands on it."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.port = free_port()

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start one of the launchers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
        return subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            cwd=self.var_dir,
            env={**kept, "VAR_DIR": str(self.var_dir), "SEXTANT_BOOTSTRAPPED": "1", "SEXTANT_ROLE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the launchers to its end."""
        with self.begin(*arguments) as process:
            out, problems = process.communicate(timeout=600)
        return subprocess.CompletedProcess(process.args, process.returncode, out, problems)

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Start in the background, without sample data."""
        return self.run("up", "--detach", "--empty", "--port", str(self.port), *arguments)

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        answer: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return answer

    def process(self, name: str) -> dict[str, Any]:
        """Return one process of the status."""
        return next(row for row in self.status()["processes"] if row["name"] == name)

    def family(self) -> set[int]:
        """Return the supervisor and every process below it."""
        return family_of(self.status()["pid"])

    def get(self, path: str) -> int:
        """Return the status code of a page."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)) as web:
            web.request("GET", path)
            return web.getresponse().status


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation that was started once, in a path with a space."""
    one = Installation(tmp_path_factory.mktemp("with space") / "var")
    one.var_dir.mkdir(mode=0o700)
    started = one.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield one
    one.run("down")


@pytest.fixture
def running(installation: Installation) -> Installation:
    """Return the installation, started again if the last test stopped it."""
    if installation.run("status").returncode == 3:
        assert installation.up().returncode == 0
    return installation


def family_of(pid: int) -> set[int]:
    """Return a process and every process below it."""
    below, found, new = children_by_parent(), set(), [pid]
    while new:
        found.update(new)
        new = [child for pid in new for child in below.get(pid, [])]
    return found


def wait_until_gone(pids: set[int], seconds: float) -> set[int]:
    """Return the processes that still work after `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := {pid for pid in pids if is_working(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def is_working(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_up_says_where_the_first_one_runs(running: Installation) -> None:
    again = running.up()

    assert again.returncode == 0
    assert f"running already at http://localhost:{running.port}" in again.stdout


def test_status_reports_every_process_with_its_memory(running: Installation) -> None:
    status = running.status()

    rows = {row["name"]: row for row in status["processes"]}
    assert set(rows) == {"supervisor", "postgres", "valkey", "web", "worker", "beat"}
    assert {row["state"] for row in rows.values()} == {"running"}
    assert all(row["memory_bytes"] > 1_000_000 for row in rows.values())
    assert sum(row["memory_bytes"] for row in rows.values()) < 450 * 1024 * 1024
    assert status["address"] == f"http://localhost:{running.port}"


def test_ctrl_c_ends_a_detached_start_that_is_under_way(tmp_path: Path) -> None:
    other = Installation(tmp_path / "var")
    other.var_dir.mkdir()

    with other.begin("up", "--detach", "--empty", "--port", str(other.port)) as starting:
        deadline = time.monotonic() + WAIT_S
        # The command, the start that has left its terminal, and a program that the start runs.
        while len(family := family_of(starting.pid)) < 3:
            assert starting.poll() is None, starting.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        starting.send_signal(signal.SIGINT)
        out, problems = starting.communicate()
    is_running = other.run("status").returncode == 0
    other.run("down")

    assert (starting.returncode, is_running) == (1, False), out + problems
    assert "Sextant is running" not in out
    assert wait_until_gone(family, WAIT_S) == set()


def test_secrets_are_readable_by_their_owner_only(running: Installation) -> None:
    folder = running.var_dir / "secrets"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert {file.name for file in folder.iterdir()} >= {"secret_key", "admin_password", "key_peppers"}


def test_a_taken_port_is_an_exit_of_its_own(running: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "var")
    other.var_dir.mkdir()
    other.port = running.port

    refused = other.up()

    assert refused.returncode == 3
    assert str(running.port) in refused.stderr


def test_a_port_that_is_held_is_nobody_elses() -> None:
    listener = listen("127.0.0.1", range(20_000, 60_000))
    assert listener is not None
    port = listener.getsockname()[1]
    with listener:
        assert listen("127.0.0.1", range(port, port + 1)) is None
        second = listen("127.0.0.1", range(port, port + 50))
        assert second is not None
        assert second.getsockname()[1] > port
        second.close()


def test_callers_wait_while_the_web_process_starts_again(running: Installation) -> None:
    os.kill(running.process("web")["pid"], signal.SIGKILL)

    assert running.get("/livez") == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "99999"),
        ("--port", "first"),
        ("--processes", "web,cook"),
        ("--nonsense",),
        # An address of documentation, which no machine has (RFC 5737).
        ("--empty", "--host", "203.0.113.9"),
    ],
)
def test_what_up_cannot_understand_is_an_exit_of_its_own(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    other = Installation(tmp_path / "var")
    other.var_dir.mkdir()

    refused = other.run("up", *arguments)

    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert other.run("status").returncode == 3


def test_the_sample_administrator_is_not_shown_to_the_network(tmp_path: Path) -> None:
    other = Installation(tmp_path / "var")
    other.var_dir.mkdir()

    refused = other.run("up", "--host", "0.0.0.0")

    assert refused.returncode == 2
    assert "--empty" in refused.stderr


def test_a_killed_process_is_back_within_five_seconds(running: Installation) -> None:
    before = running.process("web")

    os.kill(before["pid"], signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while (after := running.process("web"))["restarts"] == before["restarts"] or after["state"] != "running":
        assert time.monotonic() < deadline, after

    assert after["pid"] != before["pid"]
    assert running.get("/livez") == 200


def test_kill_minus_nine_leaves_no_process_and_loses_no_data(running: Installation) -> None:
    family = running.family()
    assert len(family) > 8
    secret = (running.var_dir / "secrets" / "secret_key").read_text()

    os.kill(running.status()["pid"], signal.SIGKILL)

    assert wait_until_gone(family, WAIT_S) == set()
    assert running.run("status").returncode == 3
    assert running.up().returncode == 0
    assert running.get("/livez") == 200
    assert (running.var_dir / "secrets" / "secret_key").read_text() == secret


def test_down_stops_everything_and_a_start_that_fails_leaves_nothing(running: Installation) -> None:
    family = running.family()

    assert running.run("down").returncode == 0

    assert wait_until_gone(family, WAIT_S) == set()
    assert running.run("down").returncode == 0
    assert running.run("status").returncode == 3

    version = running.var_dir / "postgres" / "data" / "PG_VERSION"
    real = version.read_text()
    version.write_text("12\n")
    try:
        failed = running.up()
    finally:
        version.write_text(real)

    assert failed.returncode == 1
    assert "PostgreSQL 12" in failed.stderr
    assert running.run("status").returncode == 3
