"""Imports without upload and without worker: files of this machine, run in this process."""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from django.core.files.base import File
from django.core.files.storage import default_storage

from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.uploads import FOLDER, StoredFile
from apps.datasets.importing.sources import TABLE_SUFFIXES
from apps.datasets.models import Import
from apps.datasets.tasks import run_import

POLL_S: Final = 0.5
BLOCK_BYTES: Final = 1024 * 1024


def find_tables(path: Path) -> list[Path]:
    """Return the file, or the readable files below a folder in name order."""
    if path.is_file():
        return [path]
    suffixes = {*TABLE_SUFFIXES, ".zip"}
    found = (child for child in path.rglob("*") if child.is_file() and child.suffix.lower() in suffixes)
    return sorted(child for child in found if not child.name.startswith("."))


def store_file(path: Path, name: str) -> StoredFile:
    """Copy a local file into the file storage, measured on the way."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        for block in _blocks(stream.read):
            digest.update(block)
        size = stream.seek(0, 2)
        stream.seek(0)
        stored = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", File(stream))
    return StoredFile(name=name[-255:], storage_name=stored, size=size, sha256=digest.hexdigest())


def run_here(row: Import, tell: Callable[[Import], None] | None = None) -> Import:
    """Run a queued import in this process, or follow the worker that was faster; returns it ended or waiting.

    `tell` is called with the row after each of its changes here.
    """
    hook = run_import.on_change(lambda changed: tell(changed) if tell and changed.pk == row.pk else None)
    try:
        while True:
            jobs.execute(run_import.kind, row.pk)
            row.refresh_from_db()
            status = JobStatus(row.status)
            if status.is_final or status is JobStatus.WAITING:
                return row
            time.sleep(POLL_S)
    finally:
        run_import.change_hooks.remove(hook)


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while block := read(BLOCK_BYTES):
        yield block
