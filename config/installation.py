"""The data folder of an installation: layout, secrets, and stamps of work that need not be repeated."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from config import bootstrap

SECRET_NAMES: Final = (
    "SECRET_KEY",
    "JWT_SIGNING_KEYS",
    "ENCRYPTION_KEYS",
    "KEY_PEPPERS",
    "PROJECTS_MANIFEST_KEYS",
)
SECRET_BYTES: Final = 48
PASSWORD_BYTES: Final = 12
ADMIN_EMAIL: Final = "admin@example.com"


def make_folders(var_dir: Path) -> None:
    """Make the data folder and its parts; only their owner may look into them.

    Raises PermissionError where the folder is somebody else's, as after a start by root.
    """
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(var_dir, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(
            f"{var_dir} belongs to another user; start as that one, or hand the folder over."
        )
    for name in ("run", "log", "secrets"):
        (var_dir / name).mkdir(mode=0o700, exist_ok=True)


def make_secrets(var_dir: Path) -> None:
    """Make every secret that neither the environment nor the data folder has."""
    for name in SECRET_NAMES:
        if not (os.environ.get(name) or os.environ.get(f"{name}_FILE")):
            make_secret(var_dir, name.lower(), SECRET_BYTES)


def admin_password(var_dir: Path) -> str:
    """Return the first password of the sample users, which is made on the first call."""
    return make_secret(var_dir, "admin_password", PASSWORD_BYTES)


def make_secret(var_dir: Path, name: str, size: int) -> str:
    """Return a stored secret; a missing one is made from `size` random bytes."""
    path = var_dir / "secrets" / name
    if not path.exists():
        write_atomically(path, secrets.token_urlsafe(size) + "\n")
    return path.read_text().strip()


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that a reader sees the old or the new content, never a part; mode 0600."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).rename(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def fingerprint(files: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file}\0{bootstrap.digest(file)}\n".encode())
    return total.hexdigest()


def read_stamp(var_dir: Path, name: str) -> str | None:
    """Return for which value the work called `name` was last finished; None if it never was."""
    path = var_dir / "run" / f"{name}.stamp"
    return path.read_text() if path.exists() else None


def set_stamp(var_dir: Path, name: str, value: str) -> None:
    """Remember that the work called `name` is finished for that value."""
    write_atomically(var_dir / "run" / f"{name}.stamp", value)
