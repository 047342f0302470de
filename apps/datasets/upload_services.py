"""Every public write of resumable uploads: begin, receive, give up, expire, lend to an import."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import (
    Conflict,
    Corrupted,
    Expired,
    FieldError,
    Forbidden,
    Invalid,
    Locked,
    NotFound,
    QuotaExceeded,
    TooLarge,
)
from apps.common.locks import lock_in_transaction
from apps.common.uploads import StoredFile
from apps.datasets.importing.sources import ChecksumMismatch
from apps.datasets.models import ImportFile, Upload
from apps.datasets.states import UploadState
from apps.datasets.storage import upload_files
from apps.datasets.storage.upload_locks import held_by

OPEN_MAX: Final = 20


class UploadLength(Invalid):
    """The stated length of the upload is not possible.

    An upload has at least one byte.
    """

    code = "datasets.upload_length"


class UploadTooLong(TooLarge):
    """The upload is longer than allowed."""

    code = "datasets.upload_too_long"


class TooManyUploads(QuotaExceeded):
    """Too many of your uploads are open.

    Complete or delete one of them, or wait until they expire.
    """

    code = "datasets.too_many_uploads"


class UploadOffset(Conflict):
    """The bytes do not follow those that are here.

    Ask with HEAD for the offset at which the upload goes on.
    """

    code = "datasets.upload_offset"


class UploadLocked(Locked):
    """Somebody is sending bytes of this upload at the moment."""

    code = "datasets.upload_locked"


class UploadCorrupted(Corrupted):
    """The bytes do not have the checksum that was sent with them; they are dropped."""

    code = "datasets.upload_corrupted"


class UploadExpired(Expired):
    """The upload has expired.

    An upload is kept for some hours after its last byte. Begin a new one.
    """

    code = "datasets.upload_expired"


class UploadIncomplete(Conflict):
    """The upload is not complete yet.

    Send the rest of its bytes first.
    """

    code = "datasets.upload_incomplete"


@dataclass(frozen=True, slots=True)
class Checksum:
    """The digest that some bytes should have: an algorithm of hashlib and its value."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes on their way: where they belong, how to read them, their checksum if one was sent.

    `writer` names whoever sends several pieces in a row and holds the lease between them.
    """

    offset: int
    content: BinaryIO
    checksum: Checksum | None = None
    writer: str = ""


@transaction.atomic
def begin_upload(
    *, actor: Actor, length: int, name: str = "", media_type: str = "", sha256: str = ""
) -> Upload:
    """Begin an upload of `length` bytes; raises UploadLength, UploadTooLong, TooManyUploads."""
    require(actor, "datasets.create")
    owner = actor.person
    if owner is None:
        raise Forbidden("An upload needs a person who owns it.")
    if length < 1:
        raise UploadLength
    if length > settings.DATASETS_UPLOAD_MAX_BYTES:
        raise UploadTooLong(f"An upload may have {settings.DATASETS_UPLOAD_MAX_BYTES} bytes.")
    now = timezone.now()
    # Locked, so that two calls at once cannot both take the last place.
    lock_in_transaction(f"datasets.uploads.{owner.pk}")
    if Upload.objects.open_of(owner, now).count() >= OPEN_MAX:
        raise TooManyUploads(f"At most {OPEN_MAX} uploads of a person are open.")
    return Upload.objects.create(
        organization=actor.organization,
        owner=owner,
        name=name,
        media_type=media_type,
        storage_name=upload_files.new_name(),
        length=length,
        sha256=sha256.lower(),
        expires_at=expiry(now),
    )


def receive_piece(*, actor: Actor, upload: Upload, piece: Piece) -> Upload:
    """Write bytes behind those that are here; the last ones complete the upload. Returns the row as it is.

    What arrived of a piece that breaks off counts. Raises UploadLocked, UploadOffset, UploadExpired,
    UploadTooLong, UploadCorrupted, and ChecksumMismatch, after which the upload is gone.
    """
    require(actor, "datasets.create")
    with held_by(upload.pk, piece.writer) as is_held:
        if not is_held:
            raise UploadLocked
        # Read again under the lease: another writer may just have finished.
        row = Upload.objects.filter(pk=upload.pk).first()
        check_receivable(row, piece.offset)
        assert row is not None  # noqa: S101 - checked above
        return _advance(row, _write(row, piece))


def check_receivable(row: Upload | None, offset: int) -> None:
    """Raise NotFound, UploadExpired or UploadOffset unless bytes from `offset` on can be taken."""
    if row is None:
        raise NotFound
    check_living(row)
    if offset != row.offset:
        raise UploadOffset(f"The upload goes on at byte {row.offset}.", extra={"offset": row.offset})


def check_living(row: Upload) -> None:
    """Raise UploadExpired if the upload's time is over."""
    if row.is_expired(timezone.now()):
        raise UploadExpired


def delete_upload(*, actor: Actor, upload: Upload) -> None:
    """Give an upload up; imports that were made of it keep its file."""
    require(actor, "datasets.create")
    drop_file(upload)
    Upload.objects.filter(pk=upload.pk).delete()


def expire_upload(*, actor: Actor, upload: Upload) -> None:
    """Expire an upload before its time; raises UploadExpired if its time is over."""
    require(actor, "datasets.configure")
    if upload.state == UploadState.EXPIRED:
        raise UploadExpired
    drop_file(upload)
    facts = {"bytes": upload.offset}
    record_audit(
        actor=actor,
        verb="datasets.upload_expired",
        target=upload,
        organization=upload.organization,
        changes=facts,
    )


def drop_file(upload: Upload) -> None:
    """Expire an upload and delete its file, unless an import reads it. Safe to repeat."""
    with transaction.atomic():
        # Locked, so that no import borrows the file at this moment.
        row = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk).first()
        if row is None:
            return
        is_lent = ImportFile.objects.filter(storage_name=row.storage_name).exists()
        Upload.objects.filter(pk=row.pk).update(state=UploadState.EXPIRED)
    # Killed here, the clock finds an expired upload that still names a file.
    if row.storage_name and not is_lent:
        default_storage.delete(row.storage_name)
    Upload.objects.filter(pk=row.pk).update(storage_name="")


def lend_uploads(*, actor: Actor, upload_ids: Sequence[str]) -> list[StoredFile]:
    """Return complete uploads as files of an import, in the order named; the uploads stay usable.

    Runs in the transaction that writes the import's files. Raises Invalid for an unknown id, UploadExpired
    and UploadIncomplete.
    """
    # Locked, so that none expires between this look and the rows that name its file.
    rows = Upload.objects.visible_to(actor).select_for_update(of=("self",)).order_by("pk")
    found = {str(row.pk): row for row in rows.filter(pk__in=upload_ids)}
    return [_lent(found.get(upload_id), number) for number, upload_id in enumerate(upload_ids)]


def expiry(now: datetime) -> datetime:
    """Return until when an upload is kept whose last byte came just now."""
    return now + timedelta(hours=settings.DATASETS_UPLOAD_TTL_H)


def _lent(row: Upload | None, number: int) -> StoredFile:
    if row is None:
        pointer = f"/source/upload_ids/{number}"
        raise Invalid(errors=[FieldError("There is no such upload.", code="not_found", pointer=pointer)])
    check_living(row)
    if row.state != UploadState.COMPLETE:
        raise UploadIncomplete(f"{row.offset} of {row.length} bytes of {row} are here.")
    return StoredFile(
        name=row.name or "upload", storage_name=row.storage_name, size=row.length, sha256=row.sha256
    )


def _write(row: Upload, piece: Piece) -> int:
    """Write a piece into the file; return how many bytes it brought."""
    blocks = _checked(piece, row.length - row.offset)
    first = next(blocks, b"")
    if not first:
        return 0
    return upload_files.write_at(row.storage_name, row.offset, _chained(first, blocks))


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _checked(piece: Piece, left: int) -> Iterator[bytes]:
    """Yield the bytes of a piece; raises UploadTooLong beyond `left`, UploadCorrupted at the end."""
    checksum = piece.checksum
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    for block in upload_files.blocks_of(piece.content.read):
        left -= len(block)
        if left < 0:
            raise UploadTooLong("There are more bytes than the upload has.")
        if digest is not None:
            digest.update(block)
        yield block
    if checksum is not None and digest is not None and digest.digest() != checksum.digest:
        raise UploadCorrupted


def _advance(row: Upload, written: int) -> Upload:
    """Note that bytes are durable; with the last one the upload is complete, its digest known."""
    changes: dict[str, Any] = {"offset": row.offset + written, "expires_at": expiry(timezone.now())}
    if changes["offset"] == row.length:
        changes |= {"state": UploadState.COMPLETE, "sha256": _final_digest(row)}
    if not written:
        return row
    # Conditional: had the lease run out, a second writer might have brought the same bytes meanwhile.
    same = Upload.objects.filter(pk=row.pk, state=UploadState.OPEN, offset=row.offset)
    if not same.update(**changes):
        raise UploadOffset
    row.refresh_from_db()
    return row


def _final_digest(row: Upload) -> str:
    """Return the SHA-256 of the whole file; raises ChecksumMismatch, after which the upload is gone."""
    if row.state == UploadState.COMPLETE:
        return row.sha256
    digest = upload_files.sha256_of(row.storage_name)
    if row.sha256 and digest != row.sha256:
        drop_file(row)
        raise ChecksumMismatch(f"The file's SHA-256 is {digest}.")
    return digest
