"""How a session gets its content: a bundle, or the address of a development server."""

import datetime as dt
import hmac
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common import throttles
from apps.common.db import uuid7
from apps.common.errors import Conflict
from apps.common.logs import current_request_id
from apps.common.uploads import StoredFile, keep
from apps.previews.announcing import announce_status, announce_upload
from apps.previews.cleaning.planning import UPLOAD_STALE
from apps.previews.dev_urls import checked_dev_url
from apps.previews.errors import AlreadyReady, ChecksumMismatch, DevUrlsOff, UploadInProgress
from apps.previews.models import Bundle, Session, columns_at, upload_at
from apps.previews.notices import tell_ready
from apps.previews.queries.listing import next_revision
from apps.previews.services.sessions import project_of
from apps.previews.states import SessionStatus, UploadStep
from apps.previews.tasks import validate_bundle
from apps.previews.validating.settling import refuse_bundle
from apps.projects.services.projects import require_edit


@dataclass(frozen=True, slots=True)
class ReceivedBundle:
    """A file in the storage, and what the sender says of it."""

    file: StoredFile
    sha256: str
    size_bytes: int | None = None


@transaction.atomic
def open_revision(*, actor: Actor, session: Session) -> Session:
    """Let a ready session take the next upload; what it has serves on until the new content is ready.

    Once more without an upload in between changes nothing. Raises Conflict for a session that is not ready,
    UploadInProgress while a next upload is under way, Forbidden.
    """
    require_edit(actor, project_of(session), "previews.upload")
    now = timezone.now()
    ready = Session.objects.filter(pk=session.pk, status=SessionStatus.READY, expires_at__gt=now)
    # Of two that open at once, one UPDATE finds none open, and is the one in the audit.
    if ready.filter(next_status__isnull=True).update(next_status=UploadStep.PENDING, updated_at=now):
        session.refresh_from_db()
        record_audit(
            actor=actor, verb="previews.revision_opened", target=session, changes={"serves": session.revision}
        )
        announce_status(session, session.status)
    elif not ready.exists():
        raise Conflict("Only a preview that is ready takes another revision.")
    elif not ready.filter(_free_for_upload(now)).exists():
        raise UploadInProgress
    return session


def receive_bundle(*, actor: Actor, session: Session, read: Callable[[], ReceivedBundle]) -> Session:
    """Take a bundle, which `read` writes into the storage, and queue its validation.

    Of a session that is ready it becomes the next revision, if one is open.
    Raises AlreadyReady, UploadInProgress, Conflict for a session that has ended, ChecksumMismatch, Forbidden,
    RateLimited, and what `read` raises; then the session waits for another upload. A ChecksumMismatch counts
    by `count_mismatch`, outside of the transaction that this call may be a part of.
    """
    require_edit(actor, project_of(session), "previews.upload")
    throttles.take("preview_upload", {"project": str(session.project_id)})
    mark = _begin_upload(session)
    with _given_back_on_failure(session, mark):
        received = read()
        _check_announced(received)
        return _finish_upload(actor, session, mark, received)


def count_mismatch(*, session_id: uuid.UUID, error: ChecksumMismatch) -> None:
    """Count a file that is not what its sender announced as a refused bundle; the fifth ends the session."""
    session = Session.objects.get(pk=session_id)
    # The session waits again, or for somebody else's upload already, which goes on.
    refuse_bundle(session, tuple(UploadStep), code=error.code, detail=error.detail)


@transaction.atomic
def set_dev_url(*, actor: Actor, session: Session, url: str) -> Session:
    """Let a session lead to a development server, which this server never calls.

    As a next revision it takes the place of what was ready at once, as there is nothing to be checked.
    Raises DevUrlsOff, DevUrlNotAllowed, AlreadyReady, UploadInProgress, Conflict, Forbidden.
    """
    require_edit(actor, project_of(session), "previews.upload")
    if not settings.PREVIEWS_DEV_URLS:
        raise DevUrlsOff
    address = checked_dev_url(url)
    now = timezone.now()
    pending = Session.objects.filter(upload_at(UploadStep.PENDING), pk=session.pk, expires_at__gt=now)
    # Conditional: an upload may begin, or the time be over, at this moment.
    if not pending.update(
        status=SessionStatus.READY,
        next_status=None,
        current_bundle=None,
        dev_server_url=address,
        error_code="",
        error_detail="",
        updated_at=now,
    ):
        raise _refusal(session)
    # Locked by that UPDATE: nobody gives the number to a bundle.
    Session.objects.filter(pk=session.pk).update(revision=next_revision(session))
    session.refresh_from_db()
    record_audit(actor=actor, verb="previews.uploaded", target=session, changes={"kind": "dev_server"})
    announce_status(session, session.status)
    tell_ready(session)
    return session


def _begin_upload(session: Session) -> uuid.UUID:
    """Claim the session for one upload, which others see at once; return the mark of the claim."""
    now, mark = timezone.now(), uuid7()
    free = Session.objects.filter(_free_for_upload(now), pk=session.pk, expires_at__gt=now)
    # Of two uploads at once, one UPDATE finds the session free.
    if not free.update(
        **columns_at(UploadStep.UPLOADING), upload_token=mark, upload_begun_at=now, updated_at=now
    ):
        raise _refusal(session)
    announce_upload(session)
    return mark


def _free_for_upload(now: dt.datetime) -> Q:
    """Return the condition that a session waits for an upload, or nobody goes on with the one it has."""
    stale = upload_at(UploadStep.UPLOADING) & Q(upload_begun_at__lt=now - UPLOAD_STALE)
    return upload_at(UploadStep.PENDING) | stale


@transaction.atomic
def _finish_upload(actor: Actor, session: Session, mark: uuid.UUID, received: ReceivedBundle) -> Session:
    now = timezone.now()
    mine = Session.objects.filter(upload_at(UploadStep.UPLOADING), pk=session.pk, upload_token=mark)
    # The time may be over, or another upload have taken over: then this one is thrown away.
    if not mine.filter(expires_at__gt=now).update(
        **columns_at(UploadStep.VALIDATING), upload_token=None, updated_at=now
    ):
        raise Conflict("The preview ended before the upload did.")
    bundle = Bundle.objects.create(
        organization_id=session.organization_id,
        session=session,
        revision=next_revision(session),
        storage_key=received.file.storage_name,
        sha256=received.file.sha256,
        size_bytes=received.file.size,
        expires_at=None,
        request_id=current_request_id(),
        **actor.initiates(),
        **validate_bundle.columns(),
    )
    keep([received.file])
    validate_bundle.enqueue(bundle.pk)
    session.refresh_from_db()
    facts = {"kind": "bundle", "sha256": bundle.sha256, "size_bytes": bundle.size_bytes}
    record_audit(actor=actor, verb="previews.uploaded", target=session, changes=facts)
    announce_status(session, session.status)
    return session


@contextmanager
def _given_back_on_failure(session: Session, mark: uuid.UUID) -> Iterator[None]:
    """Give the claim back when the block fails, if this upload still holds it."""
    try:
        yield
    except BaseException:
        mine = Session.objects.filter(upload_at(UploadStep.UPLOADING), pk=session.pk, upload_token=mark)
        if mine.update(**columns_at(UploadStep.PENDING), upload_token=None, updated_at=timezone.now()):
            announce_upload(session)
        raise


def _check_announced(received: ReceivedBundle) -> None:
    """Compare a file with what its sender announced; raises ChecksumMismatch."""
    arrived = received.file
    if received.size_bytes is not None and received.size_bytes != arrived.size:
        raise ChecksumMismatch(f"{arrived.size} bytes arrived, {received.size_bytes} were announced.")
    if not hmac.compare_digest(received.sha256.lower(), arrived.sha256):
        raise ChecksumMismatch("The SHA-256 of what arrived is another one.")


def _refusal(session: Session) -> Conflict:
    """Return why a session takes no content now."""
    session.refresh_from_db()
    if not SessionStatus(session.status_at(timezone.now())).is_live:
        return Conflict("The preview has ended.")
    return AlreadyReady() if session.upload_step is None else UploadInProgress()
