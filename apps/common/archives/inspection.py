"""The judgement of a zip file before any byte of it is inflated."""

import stat
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from apps.common.archives.directory import (
    ENCRYPTION_FLAGS,
    EXTRA_UNICODE_PATH,
    FLAG_DESCRIPTOR,
    FLAG_UTF8,
    UINT32_MAX,
    UNICODE_PATH_HEAD_BYTES,
    Header,
    read_at,
    read_directory,
    read_local,
)
from apps.common.archives.errors import (
    ArchiveEncrypted,
    ArchiveMethodUnsupported,
    ArchiveMismatch,
    ArchiveOverlap,
    ArchiveRatio,
    ArchiveSpecialFile,
    ArchiveTooLarge,
    ArchiveTrailingData,
)
from apps.common.archives.names import check_path, check_twins, decode_name, quoted

STORED: Final = 0
DEFLATED: Final = 8
DESCRIPTOR_MAGIC: Final = b"PK\x07\x08"
DESCRIPTOR_BYTES_MAX: Final = 24
# The other bits say how hard the writer tried, which some write differently in both places.
COMPARED_FLAGS: Final = ENCRYPTION_FLAGS | FLAG_DESCRIPTOR | FLAG_UTF8


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold: entries (folders count), inflated bytes in all, ratio per entry, levels."""

    entries: int = 5_000
    total_bytes: int = 300 * 1024 * 1024
    ratio: int = 100
    depth: int = 20


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """One file of an archive that was found good; sizes in bytes, `data_offset` from the archive's start."""

    name: str
    size: int
    compressed_size: int
    crc: int
    is_deflated: bool
    data_offset: int


def list_members(file: BinaryIO, *, limits: ArchiveLimits) -> list[ArchiveMember]:
    """Return the files of a zip archive, without its folders, in the order of its directory.

    `file` must be seekable. Raises a subclass of ArchiveRefused for the first thing that is wrong; nothing
    has been inflated by then.
    """
    headers, directory_offset = read_directory(file, entries_max=limits.entries)
    names = [decode_name(header.raw_name, is_utf8=header.is_utf8) for header in headers]
    for name, header in zip(names, headers, strict=True):
        check_path(name, depth=limits.depth)
        _check_kind(name, header)
        _check_ratio(name, header, limits.ratio)
    check_twins(names)
    if sum(header.size for header in headers) > limits.total_bytes:
        raise ArchiveTooLarge(f"The archive holds more than {limits.total_bytes} bytes.")
    offsets = _check_layout(file, headers, directory_offset)
    return [
        ArchiveMember(
            name=name,
            size=header.size,
            compressed_size=header.compressed_size,
            crc=header.crc,
            is_deflated=header.method == DEFLATED,
            data_offset=offsets[header.offset],
        )
        for name, header in zip(names, headers, strict=True)
        if not name.endswith("/")
    ]


def _check_kind(name: str, header: Header) -> None:
    """Refuse what is encrypted, neither a plain file nor a folder, or compressed in another way."""
    if header.is_encrypted:
        raise ArchiveEncrypted(f"The entry {quoted(name)} is encrypted.")
    if header.method not in (STORED, DEFLATED):
        raise ArchiveMethodUnsupported(f"The entry {quoted(name)} uses compression method {header.method}.")
    kind = stat.S_IFMT(header.unix_mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveSpecialFile(f"The entry {quoted(name)} is not a plain file.")
    is_folder = name.endswith("/")
    if (kind == stat.S_IFDIR and not is_folder) or (kind == stat.S_IFREG and is_folder):
        raise ArchiveMismatch(f"The entry {quoted(name)} is a folder by one sign and a file by another.")
    if is_folder and header.size:
        raise ArchiveMismatch(f"The folder {quoted(name)} has content.")
    if header.unicode_path is not None and header.unicode_path[UNICODE_PATH_HEAD_BYTES:] != name.encode():
        raise ArchiveMismatch(f"The entry {quoted(name)} has a second path (extra {EXTRA_UNICODE_PATH:#x}).")


def _check_ratio(name: str, header: Header, ratio: int) -> None:
    if header.size > ratio * max(header.compressed_size, 1):
        raise ArchiveRatio(f"The entry {quoted(name)} inflates to more than {ratio} times its size.")
    if header.method == STORED and header.size != header.compressed_size:
        raise ArchiveMismatch(f"The stored entry {quoted(name)} has two sizes.")


def _check_layout(file: BinaryIO, headers: list[Header], directory_offset: int) -> dict[int, int]:
    """Check that entries fill the file up to its directory, one after the other, each as the directory says.

    Returns where the data of each entry begins, by the offset of its local header.
    """
    in_order = sorted(headers, key=lambda header: header.offset)
    starts = [*(header.offset for header in in_order), directory_offset]
    if starts[0] != 0:
        raise ArchiveTrailingData("There are bytes before the archive's first entry.")
    return {
        header.offset: _compare_with_local(file, header, end)
        for header, end in zip(in_order, starts[1:], strict=True)
    }


def _compare_with_local(file: BinaryIO, header: Header, end: int) -> int:
    """Compare a directory entry with its local header and descriptor; return where its data begins."""
    name = quoted(header.raw_name.decode("utf-8", "replace"))
    if end <= header.offset:
        raise ArchiveOverlap(f"The entry {name} shares its bytes with another.")
    local = read_local(file, header.offset)
    if (local.raw_name, local.method) != (header.raw_name, header.method) or (
        local.flags ^ header.flags
    ) & COMPARED_FLAGS:
        raise ArchiveMismatch(f"The entry {name} differs from the directory.")
    if local.unicode_path is not None and local.unicode_path != header.unicode_path:
        raise ArchiveMismatch(f"The entry {name} has a second path.")
    expected = (header.crc, header.compressed_size, header.size)
    stated = (local.crc, local.compressed_size, local.size)
    if stated != expected and not (header.has_descriptor and not any(stated)):
        raise ArchiveMismatch(f"The entry {name} has other sizes than the directory says.")
    gap = end - local.end - header.compressed_size
    if gap < 0:
        raise ArchiveOverlap(f"The entry {name} shares its bytes with another.")
    if header.has_descriptor and gap <= DESCRIPTOR_BYTES_MAX:
        _compare_with_descriptor(read_at(file, end - gap, gap), expected, name)
    elif gap:
        raise ArchiveTrailingData(f"There are bytes after the entry {name}.")
    return local.end


def _compare_with_descriptor(found: bytes, expected: tuple[int, int, int], name: str) -> None:
    """Check the record after the data: with or without its mark, with sizes of 32 or 64 bits."""
    layouts = ("<L2Q",) if max(expected) > UINT32_MAX else ("<3L", "<L2Q")
    if found not in [
        mark + struct.pack(layout, *expected) for layout in layouts for mark in (DESCRIPTOR_MAGIC, b"")
    ]:
        raise ArchiveMismatch(f"The entry {name} is followed by other sizes than the directory says.")
