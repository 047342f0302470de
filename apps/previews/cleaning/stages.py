"""The stages of clean-up, one session and one short transaction each. Killed anywhere, they are run again."""

import datetime as dt
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction

from apps.previews.announcing import announce_status, announce_upload
from apps.previews.cleaning.ending import end_session, record_stage
from apps.previews.cleaning.planning import abandoned_uploads, due_to_purge, due_to_soft_delete
from apps.previews.models import Bundle, Session, Token, columns_at
from apps.previews.states import SessionStatus, Stage, UploadStep


@transaction.atomic
def release_upload(session: Session, *, now: dt.datetime) -> bool:
    """Let a session whose upload was abandoned wait for another one; tell whether it was."""
    # Conditional: the upload may end, or another one take over, at this moment.
    moved = (
        abandoned_uploads(now)
        .filter(pk=session.pk)
        .update(**columns_at(UploadStep.PENDING), upload_token=None, updated_at=now)
    )
    if moved:
        announce_upload(session)
    return bool(moved)


@transaction.atomic
def expire(session: Session, *, now: dt.datetime) -> bool:
    """End a session whose time is over; tell whether this call did."""
    # Locked, because somebody may extend it at this moment.
    due = Session.objects.select_for_update().filter(pk=session.pk, expires_at__lte=now).first()
    return due is not None and end_session(due, SessionStatus.EXPIRED, now=now)


@transaction.atomic
def soft_delete(session: Session, *, now: dt.datetime) -> bool:
    """Put the bundle of an ended session out of reach; tell whether this call did."""
    # Two clocks at once: one UPDATE finds the session before the stage.
    moved = (
        due_to_soft_delete(now)
        .filter(pk=session.pk)
        .update(status=SessionStatus.SOFT_DELETED, soft_deleted_at=now, updated_at=now)
    )
    if moved:
        record_stage(session, Stage.SOFT_DELETED, now=now)
        announce_status(session, SessionStatus.SOFT_DELETED)
    return bool(moved)


def purge(session: Session, *, now: dt.datetime) -> bool:
    """Delete the objects of a session, then mark its row with the receipt; tell whether this call did.

    Killed in between, the next run finds the row as it was: what is missing by then is no error, and the
    receipt is of what the rows say, so it is the same.
    """
    return due_to_purge(now).filter(pk=session.pk).exists() and purge_at_once(session, now=now)


def purge_at_once(session: Session, *, now: dt.datetime) -> bool:
    """Purge a session that is soft deleted, whenever that was; tell whether this call did."""
    for key in _kept(session).values_list("storage_key", flat=True):
        default_storage.delete(key)
    return _mark_purged(session, now)


@transaction.atomic
def _mark_purged(session: Session, now: dt.datetime) -> bool:
    receipt = _receipt(session, now)
    moved = Session.objects.filter(pk=session.pk, status=SessionStatus.SOFT_DELETED).update(
        status=SessionStatus.PURGED, purged_at=now, receipt=receipt, updated_at=now
    )
    if not moved:
        return False
    _kept(session).update(storage_key="")
    Token.objects.filter(session=session).delete()
    release_projects()
    record_stage(session, Stage.PURGED, now=now, **receipt)
    announce_status(session, SessionStatus.PURGED)
    return True


def _kept(session: Session) -> Any:
    """Return the bundles of a session whose bytes were not deleted yet."""
    return Bundle.objects.filter(session=session).exclude(storage_key="")


def _receipt(session: Session, now: dt.datetime) -> dict[str, Any]:
    kept = list(_kept(session).order_by("revision").values_list("size_bytes", "sha256"))
    return {
        "objects": len(kept),
        "bytes": sum(size for size, _ in kept),
        "sha256s": [sha256 for _, sha256 in kept],
        "at": now.isoformat().replace("+00:00", "Z"),
    }


def release_projects() -> int:
    """Let deleted projects go: what is left of their purged sessions names them no more; return how many."""
    left = Session.objects.filter(status=SessionStatus.PURGED, project__deleted_at__isnull=False)
    return left.update(project=None)
