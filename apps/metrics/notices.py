"""What people are told about the metrics of their organization."""

import datetime as dt
from typing import Final

from apps.accounts.models import Membership, Organization, Role
from apps.accounts.services import notify
from apps.common.notices import Level, NoticeKind

SERIES_LIMIT: Final = "metrics.series_limit"
NOTICES: Final = (
    NoticeKind(
        name=SERIES_LIMIT,
        title="New metrics are refused because the organization has as many as it may have",
        level=Level.WARNING,
    ),
)


def tell_series_limit(organization: Organization, *, now: dt.datetime) -> None:
    """Tell the admins, at most once a UTC day, that new metrics are refused."""
    admins = Membership.objects.filter(organization=organization, role=Role.ADMIN).select_related("user")
    for membership in admins.order_by("pk"):
        notify(
            user=membership.user,
            kind=SERIES_LIMIT,
            title="There is no room for new metrics",
            body=(
                "Points of known metrics are stored as before; new metrics are refused. Names that contain"
                " ids or times make metrics without end; the policy of metrics has the limit."
            ),
            organization=organization,
            dedupe_key=f"{SERIES_LIMIT}:{organization.pk}:{now.astimezone(dt.UTC):%Y-%m-%d}",
        )
