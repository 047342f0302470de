"""What a file is by its first bytes, whatever its name or its sender says."""

import codecs
from enum import StrEnum
from typing import Final

HEAD_BYTES: Final = 4_096


class FileType(StrEnum):
    """The kinds of files that are told apart; the value is for people."""

    EMPTY = "empty"
    TEXT = "text"
    HTML = "HTML"
    XML = "XML"
    ZIP = "zip archive"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTANDARD = "Zstandard"
    SEVEN_ZIP = "7-Zip archive"
    RAR = "RAR archive"
    TAR = "tar archive"
    PARQUET = "Parquet"
    PDF = "PDF"
    IMAGE = "image"
    OFFICE = "old Office document"
    DATABASE = "SQLite database"
    PROGRAM = "program"
    BINARY = "unknown binary"

    @property
    def is_archive(self) -> bool:
        """Tell whether the file holds compressed or bundled other files."""
        return self in _ARCHIVES


_ARCHIVES: Final = frozenset(
    {
        FileType.ZIP,
        FileType.GZIP,
        FileType.BZIP2,
        FileType.XZ,
        FileType.ZSTANDARD,
        FileType.SEVEN_ZIP,
        FileType.RAR,
        FileType.TAR,
    }
)

# Offset, bytes, type.
_MARKS: Final = (
    (0, b"PK\x03\x04", FileType.ZIP),
    (0, b"PK\x05\x06", FileType.ZIP),
    (0, b"PK\x07\x08", FileType.ZIP),
    (0, b"\x1f\x8b", FileType.GZIP),
    (4, b"1AY&SY", FileType.BZIP2),
    (0, b"\xfd7zXZ\x00", FileType.XZ),
    (0, b"\x28\xb5\x2f\xfd", FileType.ZSTANDARD),
    (0, b"7z\xbc\xaf\x27\x1c", FileType.SEVEN_ZIP),
    (0, b"Rar!\x1a\x07", FileType.RAR),
    (257, b"ustar", FileType.TAR),
    (0, b"PAR1\x15", FileType.PARQUET),
    (0, b"%PDF-", FileType.PDF),
    (0, b"\x89PNG\r\n\x1a\n", FileType.IMAGE),
    (0, b"\xff\xd8\xff", FileType.IMAGE),
    (0, b"GIF87a", FileType.IMAGE),
    (0, b"GIF89a", FileType.IMAGE),
    (0, b"II*\x00", FileType.IMAGE),
    (0, b"MM\x00*", FileType.IMAGE),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileType.OFFICE),
    (0, b"SQLite format 3\x00", FileType.DATABASE),
    (0, b"\x7fELF", FileType.PROGRAM),
    (0, b"MZ\x90\x00", FileType.PROGRAM),
)
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HTML_STARTS: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")


def detect(head: bytes) -> FileType:
    """Return the type of a file by its first HEAD_BYTES bytes (fewer only if the file is shorter)."""
    if not head:
        return FileType.EMPTY
    for offset, mark, found in _MARKS:
        if head.startswith(mark, offset):
            return found
    if head.startswith(_UTF16_MARKS):
        return FileType.TEXT
    if b"\x00" in head:
        return FileType.BINARY
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:20].lower()
    if start.startswith(_HTML_STARTS):
        return FileType.HTML
    return FileType.XML if start.startswith((b"<?xml", b"<svg")) else FileType.TEXT
