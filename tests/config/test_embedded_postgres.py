"""The embedded PostgreSQL: made once, found again, and never mixed up with what an earlier run left."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded import addresses, identity, postgres
from config.embedded.identity import Identity
from config.embedded.processes import StartFailed
from config.embedded.servers import postgres_program
from config.embedded.supervisor import Supervisor


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder, in a path too long for a socket, whose cluster has just been made."""
    var_dir = tmp_path_factory.mktemp("long") / f"{'x' * 100} y" / "var"
    var_dir.mkdir(mode=0o700, parents=True)
    postgres.prepare_cluster(var_dir, fast=True)
    return var_dir


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    one = Supervisor(tmp_path / "log")
    with one.signals():
        yield one
        one.stop_all()


def ask(var_dir: Path, query: str) -> str:
    """Return one value from the running server."""
    folder = str(addresses.socket_folder(var_dir))
    with psycopg.connect(host=folder, user="sextant", dbname="sextant") as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])


def test_it_serves_a_database_over_a_private_socket_only(made: Path, supervisor: Supervisor) -> None:
    program = postgres_program(made, fast=False)
    assert program is not None
    supervisor.wait_ready(supervisor.start(program))

    assert ask(made, "SHOW listen_addresses") == ""
    assert ask(made, "SHOW data_checksums") == "on"
    assert ask(made, "SELECT datlocale FROM pg_database WHERE datname = 'sextant'") == "C.UTF-8"
    assert ask(made, "SELECT upper('straße')") == "STRAßE"
    assert addresses.socket_folder(made).stat().st_mode & 0o777 == 0o700


def test_a_pid_file_of_another_program_does_not_stop_the_start(made: Path, supervisor: Supervisor) -> None:
    """Edge case 23."""
    pid_file = made / "postgres" / "data" / "postmaster.pid"
    # As after a restarted container: the number belongs to a living process that is no PostgreSQL.
    pid_file.write_text(f"{os.getppid()}\n{made}\n1\n5432\n/tmp\n\n 1 1\nready   \n")
    program = postgres_program(made, fast=True)
    assert program is not None

    supervisor.wait_ready(supervisor.start(program), seconds=120)

    assert ask(made, "SELECT 1") == "1"


def test_a_server_that_outlived_its_supervisor_is_ended_first(made: Path, supervisor: Supervisor) -> None:
    program = postgres_program(made, fast=True)
    assert program is not None
    former = subprocess.Popen(
        program.command,
        env=dict(program.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=identity.child_setup(program.run_as, signal.SIGKILL),  # noqa: PLW1509
    )
    with former:
        while program.is_ready and not program.is_ready(former.pid):
            assert former.poll() is None

        again = postgres_program(made, fast=True)
        assert again is not None
        supervisor.wait_ready(supervisor.start(again), seconds=120)

        assert former.wait(timeout=60) == 0


def test_data_of_another_major_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")

    with pytest.raises(StartFailed, match=r"PostgreSQL 17, and this release runs 18.*manage\.py restore"):
        postgres.prepare_cluster(tmp_path, fast=True)


def test_an_interrupted_creation_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "half").write_text("")

    cluster = postgres.prepare_cluster(tmp_path, fast=True)

    assert (cluster.data / "PG_VERSION").exists()
    assert not unfinished.exists()


def test_root_without_any_way_down_is_told_about_database_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "candidates", list)

    with pytest.raises(StartFailed, match="DATABASE_URL"):
        postgres.prepare_cluster(tmp_path, fast=True)


def test_a_prepared_link_in_the_temp_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    var_dir = tmp_path / ("x" * 150) / "var"
    (var_dir / "run").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    addresses.socket_folder(var_dir).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StartFailed, match="belongs to somebody else"):
        postgres.prepare_sockets(var_dir, Identity.CALLER)


def test_no_server_is_started_where_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.internal/sextant")

    assert postgres_program(tmp_path, fast=True) is None
