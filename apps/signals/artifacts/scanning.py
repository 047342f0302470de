"""The one pass over a run's bytes: lines, SHA-256, and whether the last line is whole."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.signals.artifacts.listing import COMPLETE, Entry
from apps.signals.artifacts.paths import opened

BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file as it was read; `lines` counts newlines."""

    path: str
    role: str
    size_bytes: int
    sha256: str
    lines: int
    ends_with_newline: bool


def scan_file(run: Path, entry: Entry, tell: Callable[[int], None]) -> Scanned:
    """Read a file once; `tell` is called with the bytes of each block. Raises OSError, PathEscape."""
    digest = hashlib.sha256()
    size = lines = 0
    last = b""
    block = memoryview(bytearray(BLOCK_BYTES))
    with opened(run, entry.path) as stream:
        while count := stream.readinto(block):
            part = bytes(block[:count])
            digest.update(part)
            lines += part.count(b"\n")
            size += count
            last = part[-1:]
            tell(count)
    return Scanned(entry.path, entry.role, size, digest.hexdigest(), lines, last == b"\n")


def manifest_sha256(files: Iterable[Scanned]) -> str:
    """Return the digest of a run's content: of the sorted lines `<sha256>  <path>`, the marker left out."""
    lines = sorted(f"{file.sha256}  {file.path}\n" for file in files if file.path != COMPLETE)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
