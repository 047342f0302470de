"""What operators are told of stored points."""

import datetime as dt
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.services import notify
from apps.common.notices import Level, NoticeKind

DIFFERENCES: Final = "metrics.differences_found"
NOTICES: Final = (
    NoticeKind(
        name=DIFFERENCES, title="The nightly look at stored points found differences", level=Level.CRITICAL
    ),
)


@transaction.atomic
def tell_staff_of_differences(*, count: int, examples: str, day: dt.date) -> None:
    """Tell all staff, once a day, that what is stored does not agree with itself."""
    for user in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
        notify(
            user=user,
            kind=DIFFERENCES,
            title=f"{count} differences in stored metrics",
            body=f"{examples}\nRun `manage.py metrics_verify` to see all of them.",
            dedupe_key=f"{DIFFERENCES}:{day.isoformat()}",
        )
