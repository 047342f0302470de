"""What a file is, by its first bytes."""

import gzip
import io
import tarfile

import pytest

from apps.common.file_types import FileType, detect
from tests.common.zip_forge import Entry, forge


def tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "expected", "is_archive"),
    [
        (b"", FileType.EMPTY, False),
        (b"timestamp,latitude\n", FileType.TEXT, False),
        ("timestamp;Breite\n".encode("utf-16"), FileType.TEXT, False),
        ("Stra\u00dfe\n".encode("cp1252"), FileType.TEXT, False),
        (b"BZh,GIF8,PAR1\n", FileType.TEXT, False),
        (b"\xef\xbb\xbf<!DOCTYPE HTML>", FileType.HTML, False),
        (b'<?xml version="1.0"?>', FileType.XML, False),
        (forge(Entry("a.csv")), FileType.ZIP, True),
        (forge(), FileType.ZIP, True),
        (gzip.compress(b"a", mtime=0), FileType.GZIP, True),
        (tar(), FileType.TAR, True),
        (b"\x89PNG\r\n\x1a\n\x00", FileType.IMAGE, False),
        (b"a\x00b", FileType.BINARY, False),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, expected: FileType, is_archive: bool) -> None:
    found = detect(content)
    assert (found, found.is_archive) == (expected, is_archive)
