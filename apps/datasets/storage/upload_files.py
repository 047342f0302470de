"""The bytes of resumable uploads: one growing file each in the file storage, durable at every step.

Resuming means writing into the middle of a file, which folders can and object stores cannot.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from django.core.files.storage import default_storage

FOLDER: Final = "resumable"
BLOCK_BYTES: Final = 1024 * 1024


def new_name() -> str:
    """Return the storage name of a new upload's file, which nobody can guess."""
    return f"{FOLDER}/{secrets.token_hex(16)}"


def write_at(storage_name: str, offset: int, blocks: Iterator[bytes]) -> int:
    """Write blocks from `offset` on and cut the file off behind them; return how many bytes are durable.

    What an earlier writer left behind `offset` is overwritten. If `blocks` ends with an exception, nothing
    before `offset` has changed.
    """
    path = Path(default_storage.path(storage_name))
    is_new = not path.exists()
    written = 0
    with _opened(path) as file:
        file.seek(offset)
        for block in blocks:
            file.write(block)
            written += len(block)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _make_name_durable(path)
    return written


def sha256_of(storage_name: str) -> str:
    """Return the SHA-256 of a stored file in hexadecimal."""
    with default_storage.open(storage_name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blocks_of(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what a reader gives until it is empty."""
    while block := read(BLOCK_BYTES):
        yield block


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing into its middle, made if it is not there, readable by nobody else."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        yield file


def _make_name_durable(path: Path) -> None:
    """Make a new file's entry in its folder survive a power cut too."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
