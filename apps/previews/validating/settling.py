"""What follows when a bundle is refused: the session waits for another one, or fails with the fifth."""

from collections.abc import Collection
from typing import Any, Final

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from apps.common.db import JobStatus
from apps.previews.announcing import announce_status, announce_upload
from apps.previews.cleaning.ending import end_session
from apps.previews.models import Bundle, Session, columns_at, upload_at
from apps.previews.notices import tell_failed
from apps.previews.states import SessionStatus, UploadStep

FAILURES_MAX: Final = 5
NOT_GOOD: Final = (JobStatus.FAILED, JobStatus.CANCELLED)

logger = structlog.get_logger(__name__)


def settle_bundle(bundle: Bundle) -> None:
    """Settle the session of a bundle whose validation did not succeed, and delete its bytes; repeatable."""
    if bundle.status not in NOT_GOOD:
        return
    newer = Bundle.objects.filter(session=bundle.session_id, revision__gt=bundle.revision)
    if not newer.exists() and bundle.status == JobStatus.CANCELLED:
        _wait_again(bundle.session)
    elif not newer.exists():
        refuse_bundle(
            bundle.session,
            {UploadStep.VALIDATING},
            code=bundle.error_code,
            detail=bundle.error_detail,
            **columns_at(UploadStep.PENDING),
        )
    discard_object(bundle)


@transaction.atomic
def _wait_again(session: Session) -> None:
    """Let a session wait for another bundle whose validation somebody cancelled: that is no refusal."""
    waiting = Session.objects.filter(upload_at(UploadStep.VALIDATING), pk=session.pk)
    if waiting.update(**columns_at(UploadStep.PENDING), updated_at=timezone.now()):
        announce_upload(session)


@transaction.atomic
def refuse_bundle(
    session: Session, steps: Collection[UploadStep], *, code: str, detail: str, **moved: Any
) -> None:
    """Count a refused bundle of a session whose upload is at one of the steps, and set `moved`.

    The fifth ends the session, also one that is ready with an earlier revision.
    """
    now = timezone.now()
    waiting = Session.objects.filter(upload_at(*steps), pk=session.pk)
    if not waiting.update(
        failures=F("failures") + 1, error_code=code, error_detail=detail[:500], updated_at=now, **moved
    ):
        return
    session.refresh_from_db()
    is_last = session.failures >= FAILURES_MAX
    tell_failed(session, is_last=is_last)
    if is_last:
        end_session(session, SessionStatus.FAILED, now=now)
    else:
        announce_status(session, session.status)


def discard_object(bundle: Bundle) -> None:
    """Delete the bytes of a bundle, then forget where they lay; one that is missing is no error."""
    if not bundle.storage_key:
        return
    try:
        default_storage.delete(bundle.storage_key)
    except OSError as error:
        # Found again by the clock.
        logger.warning("bundle_not_deleted", bundle_id=str(bundle.pk), error=type(error).__name__)
        return
    Bundle.objects.filter(pk=bundle.pk).update(storage_key="")
    bundle.storage_key = ""


def settle_lost() -> int:
    """Settle what a worker left behind that died after the end of a validation; return how many."""
    later = Bundle.objects.filter(session=OuterRef("session"), revision__gt=OuterRef("revision"))
    stuck = Bundle.objects.filter(
        ~Exists(later), upload_at(UploadStep.VALIDATING, prefix="session__"), status__in=NOT_GOOD
    )
    left = Bundle.objects.filter(status__in=NOT_GOOD).exclude(storage_key="")
    lost = list((stuck | left).select_related("session").distinct())
    for bundle in lost:
        settle_bundle(bundle)
    return len(lost)
