"""What a file is by its first bytes, whatever its name, where that is no table of text."""

from typing import Final

_MAGIC: Final = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM\x36", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (xls or doc)"),
    (b"{\\rtf", "an RTF document"),
    (b"\x7fELF", "a program"),
)
_OFFICE: Final = (
    (b"xl/", "an Excel workbook (xlsx)"),
    (b"word/", "a Word document"),
    (b"opendocument", "an OpenDocument file"),
)
_MARKUP: Final = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"<svg", "an SVG image"),
)
_CONTROLS: Final = bytes({*range(32)} - set(b"\t\n\r\x0b\x0c\x1b"))
_CONTROL_SHARE_MAX: Final = 0.05


def foreign_kind(start: bytes) -> str | None:
    """Name what the bytes are if they are no delimited text: "an HTML page"; None if they may be a table."""
    if start.startswith(b"PK\x03\x04"):
        return next((name for mark, name in _OFFICE if mark in start), "a zip archive")
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP image"
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:512].lower()
    for mark, name in _MARKUP:
        if text.startswith(mark):
            return name
    return None


def guess_wide(start: bytes) -> str | None:
    """Return UTF-16's byte order for text without a byte-order mark that has its NUL bytes in one place."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    half = max(len(start) // 2, 1)
    if odd / half > 0.4 and even / half < _CONTROL_SHARE_MAX:  # noqa: PLR2004
        return "utf-16-le"
    return "utf-16-be" if even / half > 0.4 and odd / half < _CONTROL_SHARE_MAX else None  # noqa: PLR2004


def is_binary(start: bytes) -> bool:
    """Tell whether there are more control bytes than damaged text has."""
    return len(start) - len(start.translate(None, _CONTROLS)) > len(start) * _CONTROL_SHARE_MAX
