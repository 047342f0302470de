"""Physical lines to records by the standard csv module, each with its evidence.

A record whose quoting is wrong, or is not closed within 4 MiB or the file, is its first physical line alone:
reading goes on at the next line, so one lone quote costs one row.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apps.datasets.reading.limits import RECORD_MAX_BYTES
from apps.datasets.reading.lines import Block, split_lines, unit_of
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.rows import Position, RowCode

# The module's own limit (131,072 characters) would break a long record into lines; ours rejects it whole.
csv.field_size_limit(max(csv.field_size_limit(), RECORD_MAX_BYTES))
_ENDS: Final = "\r\n"


@dataclass(slots=True)  # not frozen: that would take three times as long for each row
class Record:
    """One record of a file. `fields` is empty where it could not be split; `broken` says why.

    `line_end` 0: the file has no lines, and `line` is the ordinal. A negative `byte_offset` is no place.
    `detail` says more of `broken` than its code.
    """

    fields: list[str]
    broken: RowCode | None
    bad_encoding: bool
    has_nul: bool
    line: int
    line_end: int
    ordinal: int
    byte_offset: int
    raw: bytes
    byte_length: int
    detail: str = ""


class Tally:
    """Where splitting stands: what was consumed, and the lines left of an unfinished record."""

    def __init__(self, start: Position, blank_lines: int = 0) -> None:
        self.byte_offset = start.byte_offset
        self.line = start.line
        self.record = start.record
        self.blank_lines = blank_lines
        self.rest = b""

    @property
    def position(self) -> Position:
        """Return the position after what was consumed."""
        return Position(self.byte_offset, self.line, self.record)

    def advance(self, byte_length: int, lines: int, records: int) -> None:
        """Move over consumed lines."""
        self.byte_offset += byte_length
        self.line += lines
        self.record += records


class _LineFeed:
    """Hands the lines of one record to the csv reader, up to the cap."""

    def __init__(self, lines: list[bytes], encoding: str) -> None:
        self.lines = lines
        self.encoding = encoding
        self.next = 0
        self.size = 0
        self.bad_encoding = False
        self.ran_out = False

    def begin(self) -> None:
        self.size = 0
        self.bad_encoding = self.ran_out = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.next >= len(self.lines):
            self.ran_out = True
            raise StopIteration
        line = self.lines[self.next]
        self.size += len(line)
        if self.size > RECORD_MAX_BYTES:
            raise StopIteration
        self.next += 1
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            self.bad_encoding = True
            return line.decode(self.encoding, errors="replace")


class RecordSplitter:
    """Splits blocks of lines into records."""

    def __init__(self, dialect: Dialect, encoding: str) -> None:
        """`encoding` is the dialect's with its byte order."""
        self._dialect = dialect
        self._encoding = encoding
        self._unit = unit_of(encoding)

    def split(self, block: Block, tally: Tally) -> Iterator[Record]:
        """Yield the records of a block in order, moving `tally` on; the last may be left in `tally.rest`."""
        feed = _LineFeed(split_lines(block.data, self._unit), self._encoding)
        reader = csv.reader(
            feed,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote,
            doublequote=True,
            strict=True,
        )
        while feed.next < len(feed.lines):
            first = feed.next
            skipped = block.skipped if first == len(feed.lines) - 1 else 0
            feed.begin()
            if not skipped and self._is_blank(feed.lines[first]):
                feed.next += 1
                tally.blank_lines += 1
                tally.advance(len(feed.lines[first]), 1, 0)
                continue
            broken = None
            try:
                fields = next(reader)
            except (csv.Error, StopIteration):
                if feed.ran_out and not block.at_end:
                    tally.rest = b"".join(feed.lines[first:])
                    return
                fields, feed.next = [], first + 1
                too_long = len(feed.lines[first]) > RECORD_MAX_BYTES
                broken = RowCode.FIELD_TOO_LONG if too_long else RowCode.BAD_QUOTE
            record = self._record(feed, first, fields, broken=broken, start=tally, skipped=skipped)
            tally.advance(record.byte_length, feed.next - first, 1)
            yield record

    def _is_blank(self, line: bytes) -> bool:
        return len(line) <= 8 and not line.decode(self._encoding, errors="replace").strip(_ENDS)  # noqa: PLR2004

    def _record(
        self,
        feed: _LineFeed,
        first: int,
        fields: list[str],
        *,
        broken: RowCode | None,
        start: Tally,
        skipped: int,
    ) -> Record:
        """Put a record and its evidence together; it began at `start` with line `first` of the feed."""
        raw = feed.lines[first] if feed.next == first + 1 else b"".join(feed.lines[first : feed.next])
        return Record(
            fields=fields,
            broken=broken,
            bad_encoding=self._is_undecodable(raw) if broken else feed.bad_encoding,
            has_nul=self._has_nul(raw),
            line=start.line + 1,
            line_end=start.line + feed.next - first,
            ordinal=start.record + 1,
            byte_offset=start.byte_offset,
            raw=raw,
            byte_length=len(raw) + skipped,
        )

    def _has_nul(self, raw: bytes) -> bool:
        if self._unit is None:
            return b"\0" in raw
        return "\0" in raw.decode(self._encoding, errors="replace")

    def _is_undecodable(self, raw: bytes) -> bool:
        if len(raw) > RECORD_MAX_BYTES:
            return False
        try:
            raw.decode(self._encoding)
        except UnicodeDecodeError:
            return True
        return False
