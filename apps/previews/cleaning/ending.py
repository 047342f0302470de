"""The end of a session: the stage EXPIRED, whether by time, by a person or by failure."""

import datetime as dt
from typing import Final

from apps.previews.announcing import announce_status
from apps.previews.models import CleanupEvent, Session, Token
from apps.previews.notices import tell_ended
from apps.previews.states import LIVE, SessionStatus, Stage

WORDS: Final = {
    SessionStatus.EXPIRED: "Its time is over.",
    SessionStatus.REVOKED: "It was revoked.",
    SessionStatus.FAILED: "Too many of its bundles were refused.",
}


def end_session(session: Session, status: SessionStatus, *, now: dt.datetime, is_told: bool = True) -> bool:
    """End a live session in the caller's transaction: its tokens and grants are dead. Tell whether it lived.

    Its creator is told, unless they did it themselves.

    Two that end a session at once: one UPDATE finds it live, so there is one event and one notice.
    """
    fields = {
        "status": status, "next_status": None, "ended_at": now, "upload_token": None, "updated_at": now,
    }  # fmt: skip
    if not Session.objects.filter(pk=session.pk, status__in=LIVE).update(**fields):
        return False
    Token.objects.filter(session=session, revoked_at__isnull=True).update(revoked_at=now)
    record_stage(session, Stage.EXPIRED, now=now, status=status)
    session.refresh_from_db()
    announce_status(session, status)
    if is_told:
        tell_ended(session, WORDS[status])
    return True


def record_stage(session: Session, stage: Stage, *, now: dt.datetime, **detail: object) -> None:
    """Write the event of a stage in the caller's transaction; raises IntegrityError for a second one."""
    CleanupEvent.objects.create(
        organization_id=session.organization_id, session=session, stage=stage, at=now, detail=detail
    )
