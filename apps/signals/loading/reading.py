"""Lines of a file, read once: counted, hashed, and marked where a database might refuse them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from apps.signals.artifacts import findings
from apps.signals.artifacts.control import BOM
from apps.signals.artifacts.gate import LINE_BYTES
from apps.signals.artifacts.paths import opened
from apps.signals.loading.plan import Remark

BLOCK_BYTES: Final = 1024 * 1024
REJECTED_KEPT: Final = 100
# What jsonb refuses though a JSON decoder may pass over it.
SUSPICIOUS: Final = (b"\\u0000", b"\x00")


class Line(NamedTuple):
    """A line without its end. A careful one takes the slow way."""

    number: int
    content: bytes
    careful: bool


@dataclass(slots=True)
class Remarks:
    """What is noticed while a file is read."""

    rejected: int = 0
    _rejects: list[Remark] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _first: dict[str, int] = field(default_factory=dict)
    _others: list[Remark] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Note that a line gives no row."""
        self.rejected += 1
        if self.rejected <= REJECTED_KEPT:
            self._rejects.append(Remark(findings.LINE_REJECTED, reason[:500], line))

    def count(self, code: str, line: int, times: int = 1) -> None:
        """Count what was put right."""
        if times:
            self._counts[code] += times
            self._first.setdefault(code, line)

    def add(self, remark: Remark) -> None:
        """Keep a remark as it is."""
        self._others.append(remark)

    def all(self) -> list[Remark]:
        """Return every remark, equal ones counted."""
        counted = [
            Remark(code, MESSAGES[code], self._first[code], count)
            for code, count in sorted(self._counts.items())
        ]
        rest = self.rejected - len(self._rejects)
        more = [Remark(findings.LINE_REJECTED, "More lines of this file.", None, rest)] if rest else []
        return [*self._rejects, *more, *counted, *self._others]


MESSAGES: Final = {
    findings.NUMBER_NULLED: "Numbers that are not finite were read as null.",
    findings.NUL_REMOVED: "NUL was removed from texts.",
    findings.BOM: "A byte order mark was skipped.",
}


class FileReader:
    """Reads one file of a run in blocks; raises OSError, PathEscape."""

    def __init__(self, run: Path, path: str, tell: Callable[[int], None]) -> None:
        self._run = run
        self._path = path
        self._tell = tell
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.lines = 0

    @property
    def sha256(self) -> str:
        """Return the digest of what was read so far."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """Yield the file's bytes."""
        buffer = memoryview(bytearray(BLOCK_BYTES))
        with opened(self._run, self._path) as stream:
            while count := stream.readinto(buffer):
                block = bytes(buffer[:count])
                self._digest.update(block)
                self.size_bytes += count
                self.lines += block.count(b"\n")
                yield block
                self._tell(count)

    def whole(self, limit_bytes: int) -> bytes | None:
        """Return the whole content, None if it is over the limit; it is read to its end either way."""
        parts: list[bytes] = []
        for block in self.blocks():
            if self.size_bytes <= limit_bytes:
                parts.append(block)
        return b"".join(parts) if self.size_bytes <= limit_bytes else None

    def each_line(self, remarks: Remarks, *, careful: bool) -> Iterator[Line]:
        """Yield the lines; over-long ones are rejected, a BOM skipped. `careful` marks all."""
        for number, (content, is_odd) in enumerate(self._raw_lines(), start=1):
            if content is None:
                remarks.reject(number, "The line is longer than 16 MiB.")
                continue
            if number == 1 and content.startswith(BOM):
                remarks.count(findings.BOM, 1)
                content = content[len(BOM) :]  # noqa: PLW2901 - the line without its mark
            yield Line(number, content, careful or (is_odd and _is_suspicious(content)))

    def _raw_lines(self) -> Iterator[tuple[bytes | None, bool]]:
        """Yield each ended line, None in place of an over-long one, and whether it needs a closer look."""
        tail = b""
        is_over_long = False
        for block in self.blocks():
            first, *others = block.split(b"\n")
            is_over_long = is_over_long or len(tail) + len(first) > LINE_BYTES
            tail = b"" if is_over_long else tail + first
            if not others:
                continue
            # It may have begun in the block before.
            yield (None if is_over_long else tail), True
            is_over_long = False
            is_odd = not block.isascii() or any(mark in block for mark in SUSPICIOUS)
            *between, tail = others
            for content in between:
                yield content, is_odd


def _is_suspicious(content: bytes) -> bool:
    if any(mark in content for mark in SUSPICIOUS):
        return True
    if content.isascii():
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False
