"""The records of a zip file, parsed strictly (APPNOTE.TXT 6.3.10): end record, directory, local headers.

Nothing is searched for and nothing is skipped: each record stands exactly where the one before it says.
"""

import io
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from apps.common.archives.errors import (
    ArchiveCorrupt,
    ArchiveMismatch,
    ArchiveTooManyEntries,
    ArchiveTrailingData,
)

END = struct.Struct("<4s4H2LH")
END_64_LOCATOR = struct.Struct("<4sLQL")
END_64 = struct.Struct("<4sQ2H2L4Q")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")

END_MAGIC: Final = b"PK\x05\x06"
END_64_LOCATOR_MAGIC: Final = b"PK\x06\x07"
END_64_MAGIC: Final = b"PK\x06\x06"
CENTRAL_MAGIC: Final = b"PK\x01\x02"
LOCAL_MAGIC: Final = b"PK\x03\x04"

UINT16_MAX: Final = 0xFFFF
UINT32_MAX: Final = 0xFFFF_FFFF
FLAG_DESCRIPTOR: Final = 1 << 3
FLAG_UTF8: Final = 1 << 11
# Classic, strong, and a masked directory.
ENCRYPTION_FLAGS: Final = 1 | 1 << 6 | 1 << 13
METHOD_AES: Final = 99
EXTRA_HEAD: Final = struct.Struct("<2H")
EXTRA_NUMBER: Final = struct.Struct("<Q")
EXTRA_ZIP64: Final = 0x0001
EXTRA_UNICODE_PATH: Final = 0x7075
UNICODE_PATH_HEAD_BYTES: Final = 5

# A path of 64 KiB in each of 5,000 entries would be 300 MiB; real directories take some 100 bytes an entry.
DIRECTORY_BYTES_PER_ENTRY: Final = 4_096


@dataclass(frozen=True, slots=True)
class Header:
    """What the directory, or a local header, says about an entry. Offsets count from the file's start."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    unix_mode: int
    offset: int
    unicode_path: bytes | None
    end: int

    @property
    def is_encrypted(self) -> bool:
        """Tell whether any kind of encryption is declared: classic, strong, masked, or AES by method 99."""
        return bool(self.flags & ENCRYPTION_FLAGS) or self.method == METHOD_AES

    @property
    def has_descriptor(self) -> bool:
        """Tell whether checksum and sizes follow the data instead of standing before it."""
        return bool(self.flags & FLAG_DESCRIPTOR)

    @property
    def is_utf8(self) -> bool:
        """Tell whether the name claims to be UTF-8."""
        return bool(self.flags & FLAG_UTF8)


@dataclass(frozen=True, slots=True)
class End:
    """Where the directory lies, by the record at the end of the file."""

    entries: int
    directory_size: int
    directory_offset: int
    offset: int


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return exactly `length` bytes; raises ArchiveCorrupt if the file ends before."""
    file.seek(offset)
    found = file.read(length)
    if len(found) != length:
        raise ArchiveCorrupt("The archive is cut off.")
    return found


def read_directory(file: BinaryIO, *, entries_max: int) -> tuple[list[Header], int]:
    """Return the entries of the directory and the offset at which it begins."""
    end = _read_end(file)
    if end.entries > entries_max:
        raise ArchiveTooManyEntries(f"The archive has {end.entries} entries; {entries_max} are allowed.")
    if end.directory_size > max(end.entries, 1) * DIRECTORY_BYTES_PER_ENTRY:
        raise ArchiveCorrupt("The archive's directory is larger than its entries can be.")
    if end.directory_offset + end.directory_size != end.offset:
        raise ArchiveTrailingData("The archive's directory does not end where the end record begins.")
    block = read_at(file, end.directory_offset, end.directory_size)
    headers: list[Header] = []
    position = 0
    while position < len(block):
        header = _parse_central(block, position)
        headers.append(header)
        position = header.end
    if len(headers) != end.entries:
        raise ArchiveMismatch(f"The archive claims {end.entries} entries and lists {len(headers)}.")
    return headers, end.directory_offset


def _read_end(file: BinaryIO) -> End:
    """Return the end record, which must be the last thing in the file but for its own comment."""
    file.seek(0, io.SEEK_END)
    file_size = file.tell()
    tail_offset = max(file_size - END.size - UINT16_MAX, 0)
    tail = read_at(file, tail_offset, file_size - tail_offset)
    position = _find_end(tail)
    _, disk, first_disk, here, entries, size, offset, _ = END.unpack_from(tail, position)
    record = End(entries, size, offset, tail_offset + position)
    if UINT16_MAX in (entries, here) or UINT32_MAX in (size, offset):
        return _read_end_64(file, record)
    if disk or first_disk or here != entries:
        raise ArchiveMismatch("The archive is a part of several.")
    return record


def _find_end(tail: bytes) -> int:
    """Return the position of the one end record whose comment reaches exactly to the end of `tail`."""
    marked = [match.start() for match in re.finditer(re.escape(END_MAGIC), tail)]
    complete = [position for position in marked if len(tail) - position >= END.size]
    if not complete:
        raise ArchiveCorrupt("This is not a zip file, or its end is missing.")
    fitting = [
        position
        for position in complete
        if position + END.size + END.unpack_from(tail, position)[-1] == len(tail)
    ]
    if not fitting:
        raise ArchiveTrailingData("There are bytes after the archive's end.")
    if len(fitting) > 1:
        # A comment that holds a second end record: readers would see two different archives.
        raise ArchiveMismatch("The archive has two ends.")
    return fitting[0]


def _read_end_64(file: BinaryIO, short: End) -> End:
    """Return the 64-bit end record, which stands right before its locator and the short record."""
    locator_offset = short.offset - END_64_LOCATOR.size
    offset = locator_offset - END_64.size
    if offset < 0:
        raise ArchiveCorrupt("The archive's 64-bit end record is missing.")
    magic, _, claimed_offset, disks = END_64_LOCATOR.unpack(
        read_at(file, locator_offset, END_64_LOCATOR.size)
    )
    if magic != END_64_LOCATOR_MAGIC or claimed_offset != offset or disks > 1:
        raise ArchiveMismatch("The archive's 64-bit end record is not where it is said to be.")
    magic, _, _, _, disk, first_disk, here, entries, size, start = END_64.unpack(
        read_at(file, offset, END_64.size)
    )
    if magic != END_64_MAGIC or disk or first_disk or here != entries:
        raise ArchiveMismatch("The archive's 64-bit end record is broken.")
    for wide, narrow, ceiling in (
        (entries, short.entries, UINT16_MAX),
        (size, short.directory_size, UINT32_MAX),
        (start, short.directory_offset, UINT32_MAX),
    ):
        if narrow not in (wide, ceiling):
            raise ArchiveMismatch("The archive's two end records differ.")
    return End(entries, size, start, offset)


def _parse_central(block: bytes, position: int) -> Header:
    """Parse one entry of the directory at `position`; its `end` is a position in `block` too."""
    if len(block) - position < CENTRAL.size or block[position : position + 4] != CENTRAL_MAGIC:
        raise ArchiveCorrupt("The archive's directory is broken.")
    fields = CENTRAL.unpack_from(block, position)
    flags, method = fields[3], fields[4]
    crc, compressed_size, size, name_size, extra_size, comment_size, disk = fields[7:14]
    start = position + CENTRAL.size
    end = start + name_size + extra_size + comment_size
    if end > len(block):
        raise ArchiveCorrupt("The archive's directory is cut off.")
    if disk:
        raise ArchiveMismatch("The archive is a part of several.")
    extra = _parse_extra(block[start + name_size : start + name_size + extra_size])
    size, compressed_size, offset = _widen(extra, size, compressed_size, fields[16])
    return Header(
        raw_name=block[start : start + name_size],
        flags=flags,
        method=method,
        crc=crc,
        compressed_size=compressed_size,
        size=size,
        unix_mode=fields[15] >> 16,
        offset=offset,
        unicode_path=extra.get(EXTRA_UNICODE_PATH),
        end=end,
    )


def read_local(file: BinaryIO, offset: int) -> Header:
    """Parse the local header at `offset`; its `end` is where the entry's data begins."""
    fields = LOCAL.unpack(read_at(file, offset, LOCAL.size))
    magic, _, flags, method, _, _, crc, compressed_size, size, name_size, extra_size = fields
    if magic != LOCAL_MAGIC:
        raise ArchiveMismatch("An entry is not where the directory says.")
    start = offset + LOCAL.size
    raw = read_at(file, start, name_size + extra_size)
    extra = _parse_extra(raw[name_size:])
    size, compressed_size, _ = _widen(extra, size, compressed_size, 0)
    return Header(
        raw_name=raw[:name_size],
        flags=flags,
        method=method,
        crc=crc,
        compressed_size=compressed_size,
        size=size,
        unix_mode=0,
        offset=offset,
        unicode_path=extra.get(EXTRA_UNICODE_PATH),
        end=start + name_size + extra_size,
    )


def _parse_extra(block: bytes) -> dict[int, bytes]:
    """Return the extra fields by kind; one that describes the entry may stand there only once."""
    found: dict[int, bytes] = {}
    position = 0
    # A shorter rest is padding, which alignment tools write.
    while len(block) - position >= EXTRA_HEAD.size:
        kind, length = EXTRA_HEAD.unpack_from(block, position)
        position += EXTRA_HEAD.size
        if position + length > len(block):
            raise ArchiveCorrupt("An entry's extra fields are broken.")
        if kind in (EXTRA_ZIP64, EXTRA_UNICODE_PATH) and kind in found:
            raise ArchiveMismatch("An entry is described twice.")
        found[kind] = block[position : position + length]
        position += length
    return found


def _widen(extra: dict[int, bytes], size: int, compressed_size: int, offset: int) -> tuple[int, int, int]:
    """Replace the numbers that did not fit 32 bits by those of the 64-bit extra field, in its fixed order."""
    values = [size, compressed_size, offset]
    wide = extra.get(EXTRA_ZIP64, b"")
    position = 0
    for index, value in enumerate(values):
        if value != UINT32_MAX:
            continue
        if len(wide) - position < EXTRA_NUMBER.size:
            raise ArchiveMismatch("An entry's 64-bit size is missing.")
        (values[index],) = EXTRA_NUMBER.unpack_from(wide, position)
        position += EXTRA_NUMBER.size
    return values[0], values[1], values[2]
