"""Telling watchers that a preview ends soon."""

import datetime as dt
from typing import Final

from django.db import transaction

from apps.previews.announcing import announce_expiry
from apps.previews.models import Session

SOON: Final = dt.timedelta(minutes=2)


def warn_of_expiry(now: dt.datetime) -> int:
    """Publish, once a session and expiry, that it ends within two minutes; return how many."""
    soon = Session.objects.live().filter(expires_at__range=(now, now + SOON), warned_at__isnull=True)
    return sum(_warn(session, now) for session in soon)


@transaction.atomic
def _warn(session: Session, now: dt.datetime) -> bool:
    if not Session.objects.filter(pk=session.pk, warned_at__isnull=True).update(warned_at=now):
        return False
    announce_expiry(session)
    return True
