"""The audit of refused visits: one entry per session and minute, whoever knocks how often."""

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import TruncMinute

from apps.accounts.models import AuditEntry
from apps.accounts.permissions import system_actor
from apps.accounts.services import record_audit
from apps.common.serializers import rfc3339
from apps.previews.models import AccessEntry, Session
from apps.previews.states import AccessKind

VERB: Final = "previews.refused"
# Minutes that a clock which stood still may catch up with.
LOOKED_BACK: Final = dt.timedelta(minutes=30)


def audit_refusals(now: dt.datetime) -> int:
    """Record the refusals of each full minute that were not recorded yet; return how many entries."""
    until = now.replace(second=0, microsecond=0)
    refused = (
        AccessEntry.objects.filter(kind=AccessKind.REFUSED, at__gte=until - LOOKED_BACK, at__lt=until)
        .annotate(minute=TruncMinute("at", tzinfo=dt.UTC))
        .order_by("minute", "session")
        .values_list("session", "minute")
        .annotate(number=Count("pk"))
    )
    return sum(_record(str(session), rfc3339(minute), number) for session, minute, number in refused)


@transaction.atomic
def _record(session_id: str, minute: str, number: int) -> bool:
    # Locked, so that two clocks at once write one entry.
    session = (
        Session.objects.select_for_update(of=("self",)).select_related("organization").get(pk=session_id)
    )
    known = AuditEntry.objects.filter(verb=VERB, target_id=session_id, changes__contains={"minute": minute})
    if known.exists():
        return False
    record_audit(
        actor=system_actor(session.organization),
        verb="previews.refused",
        target=session,
        changes={"minute": minute, "refused": number},
    )
    return True
