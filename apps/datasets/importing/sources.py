"""The bytes of an import: uploaded files, and the members of uploaded archives as files of their own."""

import fnmatch
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final, cast

from django.core.files.storage import default_storage

from apps.common.archives import ArchiveLimits, ArchiveMember, list_members, open_gzip, open_member
from apps.common.errors import Conflict, Invalid
from apps.datasets.models import ImportFile
from apps.datasets.reading.passes import Look, never

LIMITS: Final = ArchiveLimits(entries=5_000, total_bytes=4 * 1024**3, ratio=200)
ZIP_MAGIC: Final = b"PK\x03\x04"
GZIP_MAGIC: Final = b"\x1f\x8b"
EMPTY_ZIP_MAGIC: Final = b"PK\x05\x06"
# Office documents are zip archives too: this entry tells them apart.
OFFICE_ENTRY: Final = "[Content_Types].xml"
TABLE_SUFFIXES: Final = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".geojson", ".geojsonl", ".geojsons", ".jsonl", ".ndjson", ".parquet",
     ".geoparquet"}
)  # fmt: skip
ARCHIVE_SUFFIXES: Final = frozenset({".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".zst"})
NAME_MAX_CHARS: Final = 255
BLOCK_BYTES: Final = 1024 * 1024


class ArchiveNested(Invalid):
    """The archive holds another archive."""

    code = "datasets.archive_nested"


class ArchiveNoMember(Invalid):
    """The archive holds no file that can be read."""

    code = "datasets.archive_no_member"


class FileRepeated(Invalid):
    """The same file is there twice.

    Leave one out, or set `force` to load it as often as it was given.
    """

    code = "datasets.file_repeated"


class ChecksumMismatch(Invalid):
    """The file is not the one that was promised.

    Its SHA-256, or another digest that was stated for it, differs. Send or fetch it again.
    """

    code = "datasets.checksum_mismatch"


class SourceGone(Conflict):
    """The uploaded files are no longer kept.

    Files are deleted some time after their import has ended; upload them again.
    """

    code = "datasets.source_gone"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One table to read: a stored file, or one member of a stored archive."""

    name: str
    storage_name: str
    member: str
    size: int
    sha256: bytes


@contextmanager
def open_source(file: ImportFile) -> Iterator[BinaryIO]:
    """Open a file of an import at its first byte; archive members are inflated on the way."""
    with _open_stored(file.storage_name) as stored:
        if not file.member:
            yield _plain(stored)
            return
        members = {member.name: member for member in list_members(stored, limits=LIMITS)}
        with open_member(stored, members[file.member]) as stream:
            yield stream


def expand(name: str, storage_name: str, pattern: str | None, look: Look = never) -> Iterator[SourceFile]:
    """Yield the tables of a stored file, in name order if it is an archive, each with its digest.

    `look` is called between the pieces that the digests are made of.

    Raises ArchiveNested, ArchiveNoMember, and ArchiveRefused: for a zip before anything is inflated.
    """
    with _open_stored(storage_name) as stored:
        if not is_archive(stored):
            size, digest = _digest(_plain(stored), look)
            yield SourceFile(name[:NAME_MAX_CHARS], storage_name, "", size, digest)
            return
        for member in _readable(list_members(stored, limits=LIMITS), pattern):
            with open_member(stored, member) as stream:
                size, digest = _digest(stream, look)
            yield SourceFile(member.name[-NAME_MAX_CHARS:], storage_name, member.name, size, digest)


def _plain(stored: BinaryIO) -> BinaryIO:
    """Return the bytes of a stored file, inflated if it is a .gz, whatever its name says."""
    is_packed = stored.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    stored.seek(0)
    return open_gzip(stored, limits=LIMITS) if is_packed else stored


def is_archive(stored: BinaryIO) -> bool:
    """Tell whether the bytes are a zip archive of files, and not an office document. Leaves it rewound."""
    magic = stored.read(len(ZIP_MAGIC))
    stored.seek(0)
    if magic == EMPTY_ZIP_MAGIC:
        return True
    if magic != ZIP_MAGIC:
        return False
    names = {member.name for member in list_members(stored, limits=LIMITS)}
    stored.seek(0)
    return OFFICE_ENTRY not in names


def refuse_repeated(files: Sequence[SourceFile]) -> None:
    """Raise FileRepeated if two files have the same content."""
    seen: dict[bytes, str] = {}
    for file in files:
        if file.sha256 in seen:
            raise FileRepeated(f"{file.name} and {seen[file.sha256]} are the same file.")
        seen[file.sha256] = file.name


def _readable(members: Sequence[ArchiveMember], pattern: str | None) -> list[ArchiveMember]:
    """Choose the members to read: by pattern, else all tables but hidden ones; refuse archives among them."""
    visible = [member for member in members if not _is_hidden(member.name)]
    for member in visible:
        if _suffix(member.name) in ARCHIVE_SUFFIXES:
            raise ArchiveNested(f"The archive holds another archive: {member.name}.")
    if pattern:
        chosen = [member for member in visible if fnmatch.fnmatchcase(member.name, pattern)]
    else:
        chosen = [member for member in visible if _suffix(member.name) in TABLE_SUFFIXES]
    if not chosen:
        raise ArchiveNoMember
    return sorted(chosen, key=lambda member: member.name)


def _is_hidden(name: str) -> bool:
    """Tell whether a member is a by-product of the packing system: `__MACOSX`, dot files."""
    return any(part == "__MACOSX" or part.startswith(".") for part in name.split("/"))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _digest(stream: BinaryIO, look: Look) -> tuple[int, bytes]:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        look()
    return size, digest.digest()


@contextmanager
def _open_stored(storage_name: str) -> Iterator[BinaryIO]:
    """Open a stored file; raises SourceGone, also if somebody took it away behind our back."""
    if not storage_name:
        raise SourceGone
    try:
        stored = default_storage.open(storage_name)
    except FileNotFoundError as error:
        raise SourceGone from error
    with stored:
        yield cast("BinaryIO", stored)
