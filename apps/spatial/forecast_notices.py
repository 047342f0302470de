"""What people are told about the trainings, evaluations and predictions they started."""

from typing import Final

from django.urls import reverse

from apps.accounts.models import Membership, Organization
from apps.accounts.services import notify
from apps.common.db import JobStatus
from apps.common.notices import Level, NoticeKind
from apps.spatial.models import Evaluation, Prediction, TrainingRun

Work = TrainingRun | Evaluation | Prediction

WORDS: Final[dict[type[Work], str]] = {
    TrainingRun: "training",
    Evaluation: "evaluation",
    Prediction: "prediction",
}
ARTICLES: Final = {"evaluation": "An"}
NOTICES: Final = tuple(
    kind
    for word in WORDS.values()
    for kind in (
        NoticeKind(
            name=f"spatial.{word}_finished",
            title=f"{ARTICLES.get(word, 'A')} {word} that you started has finished",
        ),
        NoticeKind(
            name=f"spatial.{word}_failed",
            title=f"{ARTICLES.get(word, 'A')} {word} that you started has failed",
            level=Level.WARNING,
        ),
    )
)
_ENDS: Final = {JobStatus.SUCCEEDED: "finished", JobStatus.FAILED: "failed"}


def tell_creator(row: Work) -> None:
    """Tell whoever started a job that it has ended; not of their own cancelling."""
    end = _ENDS.get(JobStatus(row.status))
    user, organization = row.created_by, _organization_of(row)
    if end is None or user is None:
        return
    # Who has left the organization is told nothing of it any more.
    if not Membership.objects.filter(user=user, organization=organization).exists():
        return
    word = WORDS[type(row)]
    verb = "has finished" if end == "finished" else "failed"
    name = row.model.name if row.model else "a model that was deleted"
    notify(
        user=user,
        kind=f"spatial.{word}_{end}",
        title=f"The {word} of {name} {verb}",
        body=row.error_detail,
        organization=organization,
        target=row,
        page=reverse("spatial:model", args=[row.model_id]) if row.model_id else "",
        # A retry of the same job may end again, and is told again.
        dedupe_key=f"spatial.{word}:{row.pk}:{row.attempt}:{row.queued_at.isoformat()}",
    )


def _organization_of(row: Work) -> Organization:
    return row.organization if isinstance(row, Prediction) else row.model.organization
