"""What a bundle may be: a zip archive that is judged whole, by content. No database, nothing is unpacked.

Members are inflated to be counted, checked and, where `sextant.json` asks for it, hashed; then forgotten.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Final

import msgspec

from apps.common import file_types
from apps.common.archives import ArchiveLimits, ArchiveMember, ArchiveRefused, list_members, open_member
from apps.common.errors import Malformed
from apps.common.file_types import FileType
from apps.common.requests import parse_json
from apps.previews.errors import BundleIncomplete, BundleUnsafe

NAME_MAX_BYTES: Final = 255
DESCRIPTION: Final = "sextant.json"
# 5,000 files with paths of 255 bytes fit.
DESCRIPTION_MAX_BYTES: Final = 4 * 1024 * 1024
INDEX: Final = "index.html"
BLOCK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What is known of a good bundle: inflated bytes, number of files, and the path that opens first."""

    expanded_bytes: int
    entries: int
    entry: str


class DescribedFile(msgspec.Struct, forbid_unknown_fields=True):
    """One file as `sextant.json` describes it."""

    path: str
    sha256: str
    size: Annotated[int, msgspec.Meta(ge=0)]


class Description(msgspec.Struct, forbid_unknown_fields=True):
    """What `sextant.json` holds."""

    schema: Annotated[int, msgspec.Meta(ge=1, le=1)]
    platform: str
    entry: str
    files: list[DescribedFile]
    runtime_version: Annotated[str, msgspec.Meta(max_length=100)] | None = None


def inspect_bundle(
    file: BinaryIO, *, platform: str, limits: ArchiveLimits, beat: Callable[[float], None]
) -> BundleFacts:
    """Return the facts of a bundle; `beat` is told between files which share of the bytes was inflated.

    Raises BundleUnsafe for an archive that is refused, BundleIncomplete for one that lacks what it needs.
    """
    file.seek(0)
    if file_types.detect(file.read(file_types.HEAD_BYTES)) is not FileType.ZIP:
        raise BundleUnsafe("This is no zip archive.")
    try:
        members = list_members(file, limits=limits)
        _check_names(members)
        description = _read_description(file, members)
        digests = _inflate(file, members, beat, is_hashed=description is not None)
    except ArchiveRefused as error:
        raise BundleUnsafe(error.detail) from error
    if description is not None:
        _compare(description, platform, {member.name: member for member in members}, digests)
    return BundleFacts(
        expanded_bytes=sum(member.size for member in members),
        entries=len(members),
        entry=_entry_of(platform, description, {member.name for member in members}),
    )


def _check_names(members: Iterable[ArchiveMember]) -> None:
    for member in members:
        if len(member.name.encode()) > NAME_MAX_BYTES:
            raise BundleUnsafe(f"A path is longer than {NAME_MAX_BYTES} bytes.")


def _read_description(file: BinaryIO, members: Iterable[ArchiveMember]) -> Description | None:
    found = next((member for member in members if member.name == DESCRIPTION), None)
    if found is None:
        return None
    if found.size > DESCRIPTION_MAX_BYTES:
        raise BundleUnsafe(f"{DESCRIPTION} is larger than {DESCRIPTION_MAX_BYTES} bytes.")
    with open_member(file, found) as stream:
        raw = stream.read()
    try:
        # Strictly: a key that stands twice would mean one file to us and another to a client.
        return msgspec.convert(parse_json(raw), Description)
    except (Malformed, msgspec.ValidationError) as error:
        raise BundleIncomplete(f"{DESCRIPTION} is not what its schema 1 says.") from error


def _inflate(
    file: BinaryIO, members: list[ArchiveMember], beat: Callable[[float], None], *, is_hashed: bool
) -> dict[str, str]:
    """Inflate every member to its end, which checks size and checksum; return SHA-256 by path if wanted."""
    total = sum(member.size for member in members) or 1
    digests, done = {}, 0
    for member in members:
        with open_member(file, member) as stream:
            digests[member.name] = _drain(stream, is_hashed=is_hashed)
        done += member.size
        beat(done / total)
    return digests


def _drain(stream: BinaryIO, *, is_hashed: bool) -> str:
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        if is_hashed:
            digest.update(block)
    return digest.hexdigest() if is_hashed else ""


def _compare(
    description: Description, platform: str, members: Mapping[str, Any], digests: Mapping[str, str]
) -> None:
    """Require that the archive holds exactly the described files, each as described."""
    if description.platform != platform:
        raise BundleIncomplete(f"{DESCRIPTION} is of another platform than the preview.")
    described = {file.path: file for file in description.files}
    if len(described) != len(description.files):
        raise BundleIncomplete(f"{DESCRIPTION} names a file twice.")
    if described.keys() != members.keys() - {DESCRIPTION}:
        raise BundleIncomplete(f"The files of the bundle are not those that {DESCRIPTION} names.")
    for path, file in described.items():
        if members[path].size != file.size or digests[path] != file.sha256.lower():
            raise BundleIncomplete(f"A file differs from what {DESCRIPTION} says of it.")


def _entry_of(platform: str, description: Description | None, names: set[str]) -> str:
    entry = description.entry if description is not None else ""
    if entry and entry not in names:
        raise BundleIncomplete(f"The entry that {DESCRIPTION} names is not in the bundle.")
    if platform != "web":
        return entry
    if not entry and INDEX not in names:
        raise BundleIncomplete(f"A bundle for the web needs {INDEX} at its root, or {DESCRIPTION}.")
    return entry or INDEX
