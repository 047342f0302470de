"""The bytes of a blob as a download: whole or one range, a piece at a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.git.objects import ObjectReader, open_objects
from apps.projects.git.processes import open_git
from apps.projects.manifests.facts import BINARY_LOOK_BYTES

# From here on git sends what it unpacks, unless it has to put it together from differences.
STREAMED: Final = ("core.bigFileThreshold=1m",)
RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Return the number of bytes."""
        return self.end - self.start


def parse_range(header: str, size_bytes: int) -> ByteRange | None:
    """Return the range that a header asks for, empty (0 to 0) if it lies outside; None to send all.

    RFC 9110: what is not understood, and several ranges at once, may be ignored.
    """
    found = RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        start, end = max(0, size_bytes - int(found[2])), size_bytes
    else:
        start, end = int(found[1]), min(size_bytes, int(found[2]) + 1 if found[2] else size_bytes)
        if found[2] and int(found[2]) < start:
            return None
    return ByteRange(start, end) if start < end else ByteRange(0, 0)


def iter_range(repository: Path, blob_id: str, wanted: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a range; raises GitFailed if the blob is missing. git ends with the last of them."""
    offset = 0
    with open_git(repository, "cat-file", "--batch-command", more=STREAMED) as process:
        for piece in ObjectReader(process).pieces(blob_id):
            part = piece[max(0, wanted.start - offset) : max(0, wanted.end - offset)]
            offset += len(piece)
            if part:
                yield part
            if offset >= wanted.end:
                return


def looks_like_text(repository: Path, blob_id: str) -> bool:
    """Tell whether the first bytes of a blob hold no NUL, as git judges."""
    with open_objects(repository) as objects:
        first = next(objects.pieces(blob_id), b"")
    return b"\0" not in first[:BINARY_LOOK_BYTES]
