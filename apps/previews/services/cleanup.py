"""Clean-up as people ask for it: the command, and operators in the admin."""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import Conflict
from apps.previews.cleaning import stages
from apps.previews.cleaning.ending import end_session, record_stage
from apps.previews.cleaning.planning import EVERYTHING, Work
from apps.previews.cleaning.running import Report, clean
from apps.previews.models import Session
from apps.previews.states import ENDED, SessionStatus, Stage


def run_cleanup(
    *, dry_run: bool = False, works: Iterable[Work] = EVERYTHING, limit: int | None = None
) -> Report:
    """Run clean-up over the whole installation now, or only list what a run would do."""
    if not dry_run:
        record_audit(actor=None, verb="previews.cleaned", changes={"works": [str(work) for work in works]})
    return clean(now=timezone.now(), works=works, limit=limit, dry_run=dry_run, is_recorded=not dry_run)


def purge_session(*, actor: Actor, session: Session) -> Session:
    """Take a session through all stages at once; raises Conflict for one that was purged.

    For operators: a member revokes, and waits.
    """
    now = timezone.now()
    _pass_stages(actor, session, now)
    stages.purge_at_once(session, now=now)
    session.refresh_from_db()
    return session


@transaction.atomic
def _pass_stages(actor: Actor, session: Session, now: dt.datetime) -> None:
    if session.status == SessionStatus.PURGED:
        raise Conflict("The preview was purged already.")
    end_session(session, SessionStatus.REVOKED, now=now)
    ended = Session.objects.filter(pk=session.pk, status__in=ENDED)
    # Whoever else cleans up at this moment may have been first.
    if ended.update(status=SessionStatus.SOFT_DELETED, soft_deleted_at=now, updated_at=now):
        record_stage(session, Stage.SOFT_DELETED, now=now)
    record_audit(actor=actor, verb="previews.purged", target=session)
