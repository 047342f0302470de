"""Files of a run: compact JSON, with size, lines and SHA-256 counted while they are written."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

BUFFER_BYTES: Final = 1 << 20
COMPLETE: Final = "_COMPLETE"


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file."""

    size_bytes: int
    lines: int
    sha256: str


class LineWriter:
    """A file of lines, one JSON value each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=BUFFER_BYTES)
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.lines = 0

    def write(self, value: Any) -> None:
        """Add one line; NaN becomes null."""
        self.write_bytes(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

    def write_bytes(self, line: bytes) -> None:
        """Add one line that ends with its newline."""
        self._file.write(line)
        self._hash.update(line)
        self.size_bytes += len(line)
        self.lines += 1

    def close(self) -> Written:
        """Finish the file."""
        self._file.close()
        return Written(self.size_bytes, self.lines, self._hash.hexdigest())


@dataclass(slots=True)
class RunFolder:
    """A run's folder and the files written so far, by their path in it."""

    root: Path
    files: dict[str, Written] = field(default_factory=dict)

    def document(self, path: str, value: Any) -> None:
        """Write one JSON file."""
        self.text(path, orjson.dumps(value))

    def text(self, path: str, content: bytes) -> None:
        """Write one file at once."""
        target = self._open(path)
        target.write_bytes(content)
        self.files[path] = Written(len(content), 0, hashlib.sha256(content).hexdigest())

    @contextmanager
    def lines(self, path: str) -> Iterator[LineWriter]:
        """Open a file of lines; it counts as written when the block ends."""
        writer = LineWriter(self._open(path))
        try:
            yield writer
        finally:
            self.files[path] = writer.close()

    def replace(self, path: str, content: Iterable[bytes]) -> None:
        """Write a file of lines again, with other content."""
        fresh = self.root / f"{path}.fresh"
        writer = LineWriter(fresh)
        for line in content:
            writer.write_bytes(line)
        self.files[path] = writer.close()
        fresh.replace(self.root / path)

    def count_again(self, path: str) -> None:
        """Count a file of lines that was changed in place."""
        digest, size_bytes, lines = hashlib.sha256(), 0, 0
        with (self.root / path).open("rb") as content:
            for line in content:
                digest.update(line)
                size_bytes += len(line)
                lines += line.endswith(b"\n")
        self.files[path] = Written(size_bytes, lines, digest.hexdigest())

    def remove(self, path: str) -> None:
        """Take a file away again."""
        (self.root / path).unlink()
        del self.files[path]

    def complete(self) -> None:
        """Mark the run as complete, the last file of all."""
        (self.root / COMPLETE).touch()

    def manifest_sha256(self) -> str:
        """Return the SHA-256 over the sorted lines `<sha256>  <path>`, the marker left out."""
        listing = sorted(f"{written.sha256}  {path}\n" for path, written in self.files.items())
        return hashlib.sha256("".join(listing).encode()).hexdigest()

    def _open(self, path: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target
