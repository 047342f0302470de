"""The job `previews.validate_bundle`."""

from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from apps.accounts.queries import initiator
from apps.common.archives import ArchiveLimits
from apps.common.errors import Conflict
from apps.common.jobs import Listing, Run, job
from apps.previews.announcing import announce_status
from apps.previews.bundles import BundleFacts, inspect_bundle
from apps.previews.errors import BundleUnsafe
from apps.previews.models import Bundle, Session, upload_at
from apps.previews.notices import tell_ready
from apps.previews.states import SessionStatus, UploadStep

ATTEMPTS = 2


def of_open_projects(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out bundles of projects that not everybody sees: the list of jobs is everybody's."""
    return rows.filter(session__project__visibility="organization", session__project__deleted_at__isnull=True)


def initiator_may(row: Bundle) -> bool:
    """Tell whether whoever uploaded the bundle still may."""
    actor = initiator(row, row.organization)
    return actor is not None and actor.may("previews.upload", row.session)


@job(
    kind="previews.validate_bundle",
    model="previews.Bundle",
    queue="high_priority",
    attempts=ATTEMPTS,
    listing=Listing(
        permission="previews.view",
        target_type="previews.session",
        target_path="session_id",
        target_url_name="preview-session-detail",
        narrow=of_open_projects,
    ),
    may_run=initiator_may,
)
def validate_bundle(run: Run[Bundle]) -> None:
    """Judge an uploaded archive, and let its session be opened if it is good."""
    bundle = run.row
    session = Session.objects.get(pk=bundle.session_id)
    if session.upload_step != UploadStep.VALIDATING or not bundle.storage_key:
        raise Conflict("The session does not wait for this bundle any more.")
    run.progress(0.0, stage="validating")
    try:
        with default_storage.open(bundle.storage_key) as file:
            facts = inspect_bundle(
                file.file,  # type: ignore[arg-type]  # a binary file
                platform=session.platform,
                limits=limits(),
                beat=lambda share: run.progress(share, stage="validating"),
            )
    except FileNotFoundError as error:
        raise BundleUnsafe("The bundle's bytes are gone.") from error
    publish(run, session, facts)


def limits() -> ArchiveLimits:
    """Return what a bundle may hold."""
    return ArchiveLimits(
        entries=settings.PREVIEWS_MAX_ENTRIES, total_bytes=settings.PREVIEWS_MAX_EXPANDED_BYTES
    )


@transaction.atomic
def publish(run: Run[Bundle], session: Session, facts: BundleFacts) -> None:
    """Make the bundle the session's current one; raises Conflict where the session has ended meanwhile.

    What was current before keeps its bytes until the session is purged: who has a grant of it ends with it.
    """
    bundle = run.row
    # A job that failed may be retried while a later bundle is waited for: then it is that one's turn.
    later = Bundle.objects.filter(session=OuterRef("pk"), revision__gt=bundle.revision)
    waiting = Session.objects.filter(
        upload_at(UploadStep.VALIDATING), ~Exists(later), pk=session.pk, expires_at__gt=Now()
    )
    # Somebody may revoke the session at this moment, or its time be over: then nothing is published.
    if not waiting.update(
        status=SessionStatus.READY,
        next_status=None,
        dev_server_url="",
        current_bundle=bundle,
        revision=bundle.revision,
        error_code="",
        error_detail="",
        updated_at=Now(),
    ):
        raise Conflict("The session ended before the bundle was validated.")
    run.succeed(expanded_bytes=facts.expanded_bytes, entries=facts.entries, entry=facts.entry)
    session.refresh_from_db()
    announce_status(session, session.status)
    tell_ready(session)
