"""Archives are refused whole, or read as they are."""

import gzip
import io
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.common import archives
from apps.common.archives import ArchiveLimits, list_members, open_gzip, open_member
from tests.common.zip_forge import DESCRIPTOR, UTF8, Entry, forge

SYMLINK = 0o120777
FOLDER = 0o040755
REGULAR = 0o100644
NFC, NFD = "caf\u00e9.csv", "cafe\u0301.csv"
UNICODE_PATH = struct.pack("<2HBL", 0x7075, 5 + 9, 1, 0) + b"other.csv"
BOMB = b"0" * 1_000_000
EMPTY_END = b"PK\x05\x06" + bytes(18)


def overlapping() -> bytes:
    """Two directory entries over the same bytes, as in D. Fifield's bomb."""
    one, two = Entry("one.csv"), Entry("two.csv", central={"offset": 0})
    return forge(one, two)


def enclosed() -> bytes:
    """An entry whose data contains the whole of the next one."""
    inner = Entry("b.csv", deflated=False)
    outer = Entry("a.csv", deflated=False, content=inner.local_record() + inner.content)
    start = len(outer.local_record())
    directory = outer.central_record(0) + inner.central_record(start)
    body = outer.local_record() + outer.content
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(body), 0)
    return body + directory + end


HOSTILE: dict[str, tuple[str, bytes]] = {
    "encrypted": ("encrypted", forge(Entry("a.csv", flags=UTF8 | 1))),
    "strongly encrypted": ("encrypted", forge(Entry("a.csv", flags=UTF8 | 1 << 6))),
    "AES": ("encrypted", forge(Entry("a.csv", local={"method": 99}, central={"method": 99}))),
    "absolute": ("unsafe_path", forge(Entry("/etc/cron.d/a"))),
    "upwards": ("unsafe_path", forge(Entry("../../a.csv"))),
    "upwards inside": ("unsafe_path", forge(Entry("a/../../b.csv"))),
    "backslash": ("unsafe_path", forge(Entry("a\\..\\b.csv"))),
    "drive": ("unsafe_path", forge(Entry("C:a.csv"))),
    "NUL": ("unsafe_path", forge(Entry("a.csv\0.png"))),
    "line break": ("unsafe_path", forge(Entry("a\n.csv"))),
    "empty path": ("unsafe_path", forge(Entry(""))),
    "empty part": ("unsafe_path", forge(Entry("a//b.csv"))),
    "not UTF-8 as claimed": ("unsafe_path", forge(Entry(b"\xff\xfe.csv"))),
    "symlink": ("special_file", forge(Entry("a.csv", content=b"/etc/passwd", mode=SYMLINK))),
    "device": ("special_file", forge(Entry("a.csv", mode=0o020666))),
    "duplicate": ("duplicate", forge(Entry("a.csv"), Entry("a.csv", content=b"other"))),
    "case twin": ("duplicate", forge(Entry("a.csv"), Entry("A.CSV"))),
    "NFC twin": ("duplicate", forge(Entry(NFC), Entry(NFD))),
    "file and folder": ("duplicate", forge(Entry("a"), Entry("a/b.csv"))),
    "overlap": ("overlap", overlapping()),
    "overlap inside": ("overlap", enclosed()),
    "other name in the local header": ("header_mismatch", forge(Entry("a.csv", local={"name": b"b.csv"}))),
    "other size in the local header": ("header_mismatch", forge(Entry("a.csv", local={"size": 9}))),
    "other checksum in the local header": ("header_mismatch", forge(Entry("a.csv", local={"crc": 1}))),
    "other method in the local header": ("header_mismatch", forge(Entry("a.csv", local={"method": 0}))),
    "second path": ("header_mismatch", forge(Entry("a.csv", central_extra=UNICODE_PATH))),
    "second path, local": (
        "header_mismatch",
        forge(Entry("a.csv", local_extra=UNICODE_PATH)),
    ),
    "lying descriptor": ("header_mismatch", forge(Entry("a.csv", flags=DESCRIPTOR, descriptor=bytes(16)))),
    "64-bit size missing": ("header_mismatch", forge(Entry("a.csv", central={"size": 0xFFFFFFFF}))),
    "stored with two sizes": ("header_mismatch", forge(Entry("a", deflated=False, central={"size": 7}))),
    "folder with content": ("header_mismatch", forge(Entry("a/", deflated=False))),
    "folder by mode only": ("header_mismatch", forge(Entry("a", mode=FOLDER))),
    "unclaimed entry": (
        "trailing_data",
        forge(Entry("a"), before_end=Entry("b").central_record(0)),
    ),
    "fewer entries listed": ("header_mismatch", forge(Entry("a.csv"), entries=2, here=2)),
    "part of several": ("header_mismatch", forge(Entry("a.csv"), disk=1)),
    "two ends": ("header_mismatch", forge(Entry("a.csv"), comment=EMPTY_END)),
    "bytes after the end": ("trailing_data", forge(Entry("a.csv"), after=b"more")),
    "bytes before the first entry": ("trailing_data", forge(Entry("a.csv"), prefix=b"#!/bin/sh\n")),
    "bytes between entries": ("trailing_data", forge(Entry("a", padding=b"hidden"), Entry("b"))),
    "bytes before the directory": ("trailing_data", forge(Entry("a", padding=b"hidden"))),
    "bytes before the end": ("trailing_data", forge(Entry("a.csv"), before_end=b"hidden")),
    "bomb by ratio": ("ratio", forge(Entry("a.csv", content=BOMB))),
    "5,001 entries": ("too_many_entries", forge(*(Entry(f"{n}.csv", b"") for n in range(5_001)))),
    "claims 60,000 entries": ("too_many_entries", forge(Entry("a.csv"), entries=60_000, here=60_000)),
    "too large in all": ("too_large", forge(*(Entry(f"{n}", BOMB, deflated=False) for n in range(3)))),
    "too deep": ("too_deep", forge(Entry("a/" * 20 + "b.csv"))),
    "bzip2": ("method", forge(Entry("a.csv", local={"method": 12}, central={"method": 12}))),
    "cut off": ("corrupt", forge(Entry("a.csv"))[:-30]),
    "no zip at all": ("corrupt", b"timestamp,latitude,longitude\n"),
    "empty file": ("corrupt", b""),
    "broken extra field": ("corrupt", forge(Entry("a.csv", central_extra=b"\x01\x00\xff\x00"))),
}

LIMITS = ArchiveLimits(total_bytes=2_500_000)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_inflated(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason, content = HOSTILE[case]
    monkeypatch.setattr(zlib, "decompressobj", None)
    with pytest.raises(archives.ArchiveRefused) as caught:
        list_members(io.BytesIO(content), limits=LIMITS)
    assert caught.value.code == f"upload.archive_{reason}"
    assert "\n" not in caught.value.detail


LYING: dict[str, tuple[str, Entry]] = {
    "more than it says": (
        "header_mismatch",
        Entry("a", b"0123456789", local={"size": 9}, central={"size": 9}),
    ),
    "less than it says": (
        "header_mismatch",
        Entry("a", b"0123456789", local={"size": 11}, central={"size": 11}),
    ),
    "wrong checksum": ("corrupt", Entry("a", local={"crc": 1}, central={"crc": 1})),
    "broken data": ("corrupt", Entry("a", data=b"\xff" * 20)),
    "data behind the data": ("corrupt", Entry("a", b"", data=b"\x03\x00hidden")),
    "data cut off": ("corrupt", Entry("a", b"0" * 30, data=b"\x33")),
    "wrong checksum, stored": ("corrupt", Entry("a", deflated=False, local={"crc": 1}, central={"crc": 1})),
}


@pytest.mark.parametrize("case", LYING)
def test_a_member_that_lies_is_found_out_while_inflating(case: str) -> None:
    reason, entry = LYING[case]
    file = io.BytesIO(forge(entry))
    (member,) = list_members(file, limits=LIMITS)
    with pytest.raises(archives.ArchiveRefused) as caught, open_member(file, member) as stream:
        stream.read()
    assert caught.value.code == f"upload.archive_{reason}"


def test_a_bomb_with_a_lying_size_is_stopped_at_that_size() -> None:
    bomb = Entry("a.csv", BOMB, local={"size": 1_000}, central={"size": 1_000})
    file = io.BytesIO(forge(bomb))
    (member,) = list_members(file, limits=LIMITS)
    stream = open_member(file, member)
    with pytest.raises(archives.ArchiveMismatch):
        stream.read(500)


def test_members_can_be_read_side_by_side() -> None:
    file = io.BytesIO(forge(Entry("a", b"aaaa"), Entry("b", b"bbbb", deflated=False)))
    first, second = (open_member(file, member) for member in list_members(file, limits=LIMITS))
    assert first.read(2) + second.read(2) + first.read() + second.read() == b"aabbaabb"


def test_limits_are_inclusive() -> None:
    deep = "/".join("abcdefghijklmnopqrst")
    file = io.BytesIO(forge(Entry(deep, b"0" * 100, deflated=False), Entry("b", b"1" * 100, deflated=False)))
    limits = ArchiveLimits(entries=2, total_bytes=200, ratio=1, depth=20)
    assert [member.name for member in list_members(file, limits=limits)] == [deep, "b"]


def test_an_archive_without_entries_lists_nothing() -> None:
    assert list_members(io.BytesIO(forge()), limits=LIMITS) == []


def test_a_nested_stored_archive_does_not_confuse_the_end() -> None:
    inner = forge(Entry("a.csv"))
    file = io.BytesIO(forge(Entry("inner.zip", inner, deflated=False), comment=b"a comment"))
    (member,) = list_members(file, limits=LIMITS)
    assert open_member(file, member).read() == inner


PATHS = st.lists(
    st.text(
        st.characters(exclude_characters="/\\\x7f:", exclude_categories=("Cc", "Cs")),
        min_size=1,
        max_size=8,
    ),
    min_size=1,
    max_size=4,
).map("/".join)


@given(
    content=st.dictionaries(PATHS, st.binary(max_size=300), max_size=6),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    streamed=st.booleans(),
    zip64=st.booleans(),
    comment=st.binary(max_size=40),
)
def test_what_another_writer_packs_comes_out_again(
    content: dict[str, bytes], method: int, streamed: bool, zip64: bool, comment: bytes
) -> None:
    assume(all(part not in {".", ".."} for name in content for part in name.split("/")))
    assume(b"PK\x05\x06" not in comment)
    packed = io.BytesIO()
    with zipfile.ZipFile(Unseekable(packed) if streamed else packed, "w", method) as archive:
        archive.comment = comment
        for name, data in content.items():
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(data)
    try:
        members = list_members(packed, limits=ArchiveLimits(ratio=2_000))
    except archives.ArchiveDuplicate:
        assert have_twins(content)
        return
    assert {member.name: open_member(packed, member).read() for member in members} == content


def have_twins(names: Iterable[str]) -> bool:
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    inside = any(other.startswith(f"{name}/") for name in folded for other in folded)
    return len(set(folded)) < len(folded) or inside


class Unseekable(io.RawIOBase):
    """A target that cannot seek, so that the writer appends sizes after the data."""

    def __init__(self, target: io.BytesIO) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._target.write(data)


def test_a_folder_counts_as_an_entry_and_is_not_listed() -> None:
    file = io.BytesIO(forge(Entry("a/", b"", deflated=False, mode=FOLDER), Entry("a/b", mode=REGULAR)))
    assert [member.name for member in list_members(file, limits=LIMITS)] == ["a/b"]
    with pytest.raises(archives.ArchiveTooManyEntries):
        list_members(file, limits=ArchiveLimits(entries=1))


def test_gzip_of_several_members_is_one_file() -> None:
    packed = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert open_gzip(io.BytesIO(packed), limits=LIMITS).read() == b"one\ntwo\n"


@pytest.mark.parametrize(
    ("reason", "packed", "limits"),
    [
        ("ratio", gzip.compress(BOMB, mtime=0), ArchiveLimits()),
        ("too_large", gzip.compress(b"abc", mtime=0), ArchiveLimits(total_bytes=2)),
        ("corrupt", gzip.compress(b"abc", mtime=0)[:-4], ArchiveLimits()),
        ("corrupt", gzip.compress(b"abc", mtime=0) + b"more", ArchiveLimits()),
        ("corrupt", b"a,b\n", ArchiveLimits()),
    ],
)
def test_a_gzip_file_is_held_to_the_same_limits(reason: str, packed: bytes, limits: ArchiveLimits) -> None:
    with pytest.raises(archives.ArchiveRefused) as caught:
        open_gzip(io.BytesIO(packed), limits=limits).read()
    assert caught.value.code == f"upload.archive_{reason}"


def test_an_archive_with_64_bit_records_is_read() -> None:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for number in range(66_000):
                archive.writestr(zipfile.ZipInfo(str(number)), b"")
        members = list_members(file, limits=ArchiveLimits(entries=70_000))
    assert len(members) == 66_000
