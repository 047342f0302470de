"""What people are told about the imports they started."""

from typing import Final

from django.urls import reverse

from apps.accounts.models import Membership, Role
from apps.accounts.services import notify
from apps.common.db import JobStatus
from apps.common.notices import Level, NoticeKind
from apps.datasets.models import Import, SourceMonth
from apps.datasets.states import Outcome

FINISHED: Final = "datasets.import_finished"
FAILED: Final = "datasets.import_failed"
WAITING: Final = "datasets.import_waiting"
MONTH_FAILED: Final = "datasets.month_failed"
NOTICES: Final = (
    NoticeKind(name=FINISHED, title="An import that you started has finished"),
    NoticeKind(name=FAILED, title="An import that you started has failed", level=Level.WARNING),
    NoticeKind(name=MONTH_FAILED, title="A month of a source could not be loaded", level=Level.WARNING),
    NoticeKind(name=WAITING, title="An import that you started waits for your mapping", level=Level.WARNING),
)
_KIND_OF: Final = {
    JobStatus.SUCCEEDED: FINISHED,
    JobStatus.FAILED: FAILED,
    JobStatus.WAITING: WAITING,
}


def tell_creator(row: Import) -> None:
    """Tell whoever started an import that it has ended or waits for them; not of their own cancelling."""
    kind = _KIND_OF.get(JobStatus(row.status))
    user, organization = row.created_by, row.dataset.organization
    # A run may be of 240 months: of these the managers hear what failed.
    if kind is None or user is None or (row.month is not None and kind != WAITING):
        return
    # Who has left the organization is told nothing of it any more.
    if not Membership.objects.filter(user=user, organization=organization).exists():
        return
    notify(
        user=user,
        kind=kind,
        title=_title(row),
        body=_body(row),
        organization=organization,
        target=row,
        page=reverse("datasets:import", args=[row.dataset_id, row.pk]),
        # A retry of the same import may end again, and is told again.
        dedupe_key=f"{kind}:{row.pk}:{row.attempt}:{row.queued_at.isoformat()}",
    )


def tell_managers_of_month(row: Import, month: SourceMonth) -> None:
    """Tell the organization's managers and admins that a month of a source could not be loaded."""
    organization = row.dataset.organization
    managers = Membership.objects.filter(organization=organization, role__in=[Role.MANAGER, Role.ADMIN])
    for membership in managers.select_related("user"):
        notify(
            user=membership.user,
            kind=MONTH_FAILED,
            title=f"{month} of a source of {row.dataset.name} failed",
            body=row.error_detail,
            organization=organization,
            target=row,
            page=reverse("datasets:import", args=[row.dataset_id, row.pk]),
            dedupe_key=f"{MONTH_FAILED}:{row.pk}:{row.attempt}",
        )


def _title(row: Import) -> str:
    name = row.dataset.name
    if row.status == JobStatus.FAILED:
        return f"The import into {name} failed"
    if row.status == JobStatus.WAITING:
        return f"The import into {name} waits for your mapping"
    return {
        Outcome.UNCHANGED: f"The import into {name} found nothing new",
        Outcome.DRY_RUN: f"The trial of an import into {name} has finished",
    }.get(Outcome(row.outcome or Outcome.PUBLISHED), f"The import into {name} has finished")


def _body(row: Import) -> str:
    if row.status == JobStatus.FAILED:
        return row.error_detail
    if row.status == JobStatus.WAITING:
        return "Look at the columns, correct what is wrong, and confirm."
    return (
        f"{row.rows_read:,} rows read: {row.accepted:,} accepted, {row.rejected:,} rejected, "
        f"{row.duplicates:,} duplicates."
    )
