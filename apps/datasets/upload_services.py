"""Public writes of resumable uploads, and their being lent to imports."""

from collections.abc import Sequence

from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common.errors import Conflict, Expired, FieldError, Invalid
from apps.common.uploads import StoredFile
from apps.datasets.models import Upload
from apps.datasets.states import UploadState


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


def lend_uploads(*, actor: Actor, upload_ids: Sequence[str]) -> list[StoredFile]:
    """Return complete uploads as files of an import, in the order named; the uploads stay usable.

    Runs in the transaction that writes the import's files. Raises Invalid for an unknown id, UploadExpired
    and UploadIncomplete.
    """
    # Locked, so that none expires between this look and the rows that name its file.
    rows = Upload.objects.visible_to(actor).select_for_update(of=("self",)).order_by("pk")
    found = {str(row.pk): row for row in rows.filter(pk__in=upload_ids)}
    return [_lent(found.get(upload_id), number) for number, upload_id in enumerate(upload_ids)]


def _lent(row: Upload | None, number: int) -> StoredFile:
    if row is None:
        pointer = f"/source/upload_ids/{number}"
        raise Invalid(errors=[FieldError("There is no such upload.", code="not_found", pointer=pointer)])
    if row.state == UploadState.EXPIRED or row.expires_at <= timezone.now():
        raise UploadExpired
    if row.state != UploadState.COMPLETE:
        raise UploadIncomplete(f"{row.offset} of {row.length} bytes of {row} are here.")
    return StoredFile(
        name=row.name or "upload", storage_name=row.storage_name, size=row.length, sha256=row.sha256
    )
