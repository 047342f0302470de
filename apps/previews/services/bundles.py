"""How a session gets its content: a bundle, or the address of a development server."""

import hmac
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common import throttles
from apps.common.db import uuid7
from apps.common.errors import Conflict
from apps.common.logs import current_request_id
from apps.common.uploads import StoredFile, keep
from apps.previews.announcing import announce_status
from apps.previews.cleaning.planning import UPLOAD_STALE
from apps.previews.dev_urls import checked_dev_url
from apps.previews.errors import AlreadyReady, ChecksumMismatch, DevUrlsOff, UploadInProgress
from apps.previews.models import Bundle, Session
from apps.previews.notices import tell_ready
from apps.previews.services.sessions import project_of
from apps.previews.states import AWAITING, SessionStatus
from apps.previews.tasks import validate_bundle
from apps.previews.validating.settling import refuse_bundle
from apps.projects.services.projects import require_edit


@dataclass(frozen=True, slots=True)
class ReceivedBundle:
    """A file in the storage, and what the sender says of it."""

    file: StoredFile
    sha256: str
    size_bytes: int | None = None


def receive_bundle(*, actor: Actor, session: Session, read: Callable[[], ReceivedBundle]) -> Session:
    """Take a bundle, which `read` writes into the storage, and queue its validation.

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
    refuse_bundle(session, AWAITING, code=error.code, detail=error.detail)


@transaction.atomic
def set_dev_url(*, actor: Actor, session: Session, url: str) -> Session:
    """Let a session lead to a development server, which this server never calls.

    Raises DevUrlsOff, DevUrlNotAllowed, AlreadyReady, UploadInProgress, Conflict, Forbidden.
    """
    require_edit(actor, project_of(session), "previews.upload")
    if not settings.PREVIEWS_DEV_URLS:
        raise DevUrlsOff
    address = checked_dev_url(url)
    now = timezone.now()
    pending = Session.objects.filter(pk=session.pk, status=SessionStatus.PENDING, expires_at__gt=now)
    # Conditional: an upload may begin, or the time be over, at this moment.
    if not pending.update(status=SessionStatus.READY, dev_server_url=address, revision=1, updated_at=now):
        raise _refusal(session)
    session.refresh_from_db()
    record_audit(actor=actor, verb="previews.uploaded", target=session, changes={"kind": "dev_server"})
    announce_status(session, session.status)
    tell_ready(session)
    return session


def _begin_upload(session: Session) -> uuid.UUID:
    """Claim the session for one upload, which others see at once; return the mark of the claim."""
    now, mark = timezone.now(), uuid7()
    free = Q(status=SessionStatus.PENDING) | Q(
        status=SessionStatus.UPLOADING, upload_begun_at__lt=now - UPLOAD_STALE
    )
    # Of two uploads at once, one UPDATE finds the session free.
    if not Session.objects.filter(free, pk=session.pk, expires_at__gt=now).update(
        status=SessionStatus.UPLOADING, upload_token=mark, upload_begun_at=now, updated_at=now
    ):
        raise _refusal(session)
    announce_status(session, SessionStatus.UPLOADING)
    return mark


@transaction.atomic
def _finish_upload(actor: Actor, session: Session, mark: uuid.UUID, received: ReceivedBundle) -> Session:
    now = timezone.now()
    mine = Session.objects.filter(pk=session.pk, status=SessionStatus.UPLOADING, upload_token=mark)
    # The time may be over, or another upload have taken over: then this one is thrown away.
    if not mine.filter(expires_at__gt=now).update(
        status=SessionStatus.VALIDATING, upload_token=None, updated_at=now
    ):
        raise Conflict("The preview ended before the upload did.")
    newest = Bundle.objects.filter(session=session).aggregate(newest=Max("revision"))["newest"] or 0
    bundle = Bundle.objects.create(
        organization_id=session.organization_id,
        session=session,
        revision=newest + 1,
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
        mine = Session.objects.filter(pk=session.pk, status=SessionStatus.UPLOADING, upload_token=mark)
        if mine.update(status=SessionStatus.PENDING, upload_token=None, updated_at=timezone.now()):
            announce_status(session, SessionStatus.PENDING)
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
    if session.status_at(timezone.now()) == SessionStatus.READY:
        return AlreadyReady()
    if session.status_at(timezone.now()) in {SessionStatus.UPLOADING, SessionStatus.VALIDATING}:
        return UploadInProgress()
    return Conflict("The preview has ended.")
