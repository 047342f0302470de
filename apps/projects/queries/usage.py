"""Reads of how much language models were used, for operators."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from apps.projects.models import CodeJob

DAYS: Final = 30
ROWS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class AiUse:
    """What the code jobs of an organization sent and got back on one day (UTC)."""

    organization: str
    day: dt.date
    jobs: int
    tokens_in: int
    tokens_out: int


def ai_use(*, now: dt.datetime) -> list[AiUse]:
    """Return the use of 30 days by day and organization, the newest day and the largest use first."""
    asked = CodeJob.objects.filter(Q(tokens_in__gt=0) | Q(tokens_out__gt=0))
    rows = (
        asked.filter(created_at__gt=now - dt.timedelta(days=DAYS))
        .annotate(day=TruncDate("created_at", tzinfo=dt.UTC))
        .order_by()
        .values("organization__slug", "day")
        .annotate(jobs=Count("pk"), sent=Sum("tokens_in"), received=Sum("tokens_out"))
        .order_by("-day", "-sent", "organization__slug")
    )
    return [
        AiUse(row["organization__slug"], row["day"], row["jobs"], row["sent"], row["received"])
        for row in rows[:ROWS_MAX]
    ]
