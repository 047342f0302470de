"""Where the embedded servers listen, computed from the data folder alone.

Settings and servers both ask here, so every command finds the running servers without configuration.
Standard library only: the settings file reads it before anything else is imported.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Final

DATABASE_NAME: Final = "sextant"
DATABASE_USER: Final = "sextant"
POSTGRES_PORT: Final = 5432

# The kernel takes 107 bytes in a socket address; the rest is room for PostgreSQL's lock file beside it.
SOCKET_PATH_MAX_BYTES: Final = 100


def socket_folder(var_dir: Path) -> Path:
    """Return the folder of both sockets: in `var_dir`, or in the temp folder if that path is too long."""
    folder = var_dir / "run" / "sockets"
    longest = folder / f".s.PGSQL.{POSTGRES_PORT}"
    if len(bytes(longest)) <= SOCKET_PATH_MAX_BYTES:
        return folder
    digest = hashlib.sha256(bytes(var_dir.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"sextant-{digest}"


def valkey_socket(var_dir: Path) -> Path:
    """Return the path of the Valkey socket."""
    return socket_folder(var_dir) / "valkey.sock"
