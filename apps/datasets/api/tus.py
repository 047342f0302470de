"""The headers of tus 1.0.0, read strictly and written; knows neither rows nor services.

<https://tus.io/protocols/resumable-upload> with the extensions creation, creation-with-upload, checksum,
expiration and termination.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.files.uploadedfile import UploadedFile
from django.utils.http import http_date

from apps.common.errors import Invalid, Malformed, PreconditionFailed
from apps.datasets.upload_services import Checksum

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,expiration,termination"
# As tus calls them: hashlib's own names.
ALGORITHMS: Final = ("sha1", "sha256", "md5")
MEDIA_TYPE: Final = "application/offset+octet-stream"
NUMBER: Final = re.compile(r"[0-9]{1,18}")
SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
TEXT_MAX_CHARS: Final = 255


class TusVersion(PreconditionFailed):
    """This is not the version of tus that is spoken here.

    Send `Tus-Resumable: 1.0.0`.
    """

    code = "datasets.tus_version"


class UploadHeader(Malformed):
    """A header of the upload is missing or cannot be read."""

    code = "datasets.upload_header"


class UploadMetadata(Invalid):
    """The metadata of the upload are not possible.

    `filename` and `filetype` are texts, `sha256` is a digest in 64 hexadecimal digits.
    """

    code = "datasets.upload_metadata"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a sender tells of a file; what is not told is empty."""

    filename: str = ""
    filetype: str = ""
    sha256: str = ""


def check_version(headers: Mapping[str, str]) -> None:
    """Raise TusVersion unless the request speaks tus 1.0.0."""
    if headers.get("Tus-Resumable", "") != VERSION:
        raise TusVersion


def read_length(headers: Mapping[str, str]) -> int:
    """Return Upload-Length; raises UploadHeader, also for a length that is to follow later."""
    if "Upload-Defer-Length" in headers:
        raise UploadHeader("The length must be known from the beginning: Upload-Defer-Length is not taken.")
    return _number(headers, "Upload-Length")


def read_offset(headers: Mapping[str, str]) -> int:
    """Return Upload-Offset; raises UploadHeader."""
    return _number(headers, "Upload-Offset")


def read_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return Upload-Checksum if there is one; raises UploadHeader."""
    header = headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _space, encoded = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise UploadHeader(f"Upload-Checksum must be of one of {', '.join(ALGORITHMS)}.")
    return Checksum(algorithm, _decoded(encoded, "Upload-Checksum"))


def read_metadata(headers: Mapping[str, str]) -> Metadata:
    """Return Upload-Metadata; unknown keys are left aside. Raises UploadHeader, UploadMetadata."""
    pairs: dict[str, bytes] = {}
    for item in filter(None, (part.strip() for part in headers.get("Upload-Metadata", "").split(","))):
        key, _space, encoded = item.partition(" ")
        if key in pairs:
            raise UploadHeader("A key stands twice in Upload-Metadata.")
        pairs[key] = _decoded(encoded, "Upload-Metadata")
    found = Metadata(**{key: _text(pairs[key]) for key in ("filename", "filetype", "sha256") if key in pairs})
    if found.sha256 and not SHA256.fullmatch(found.sha256):
        raise UploadMetadata("`sha256` must have 64 hexadecimal digits.")
    return found


def clean_name(name: str) -> str:
    """Return a file's name without folders, as names of other uploads are cleaned."""
    return UploadedFile(name=name).name or "" if name else ""


def write_metadata(metadata: Metadata) -> str:
    """Return the value of Upload-Metadata, empty if there is nothing to tell."""
    pairs = (
        ("filename", metadata.filename),
        ("filetype", metadata.filetype),
        ("sha256", metadata.sha256),
    )
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs if value)


def write_expires(instant: datetime) -> str:
    """Return the value of Upload-Expires."""
    return http_date(instant.timestamp())


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not NUMBER.fullmatch(text):
        raise UploadHeader(f"{name} must be a number of bytes.")
    return int(text)


def _decoded(encoded: str, header: str) -> bytes:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise UploadHeader(f"A value in {header} is not base64.") from error


def _text(value: bytes) -> str:
    """Return a metadata text; raises UploadMetadata for what is too long or no plain text."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise UploadMetadata("A value is not UTF-8.") from error
    if len(text) > TEXT_MAX_CHARS or not text.isprintable():
        raise UploadMetadata(f"A value must have at most {TEXT_MAX_CHARS} characters, all of them printable.")
    return text
