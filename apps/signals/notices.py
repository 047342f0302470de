"""What people are told about signals of their own, and where others name them."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from django.urls import NoReverseMatch, reverse

from apps.accounts.models import Membership, User
from apps.accounts.services import notify
from apps.common.notices import Level, NoticeKind
from apps.signals.models import Comment, Run, Signal, Workflow

ASSIGNED: Final = "signals.assigned"
MENTIONED: Final = "signals.mentioned"
REOPENED: Final = "signals.reopened"
REGRESSION: Final = "signals.regression"
NOTICES: Final = (
    NoticeKind(name=ASSIGNED, title="A signal was given to you"),
    NoticeKind(name=MENTIONED, title="Somebody mentions you in a comment on a signal"),
    NoticeKind(name=REOPENED, title="A signal of yours was reopened", level=Level.WARNING),
    NoticeKind(name=REGRESSION, title="A signal of yours got worse", level=Level.WARNING),
)


def tell_assigned(workflow: Workflow, *, signal: Signal, user: User, notes: str) -> None:
    """Tell a person that somebody else gave a signal to them."""
    _tell(
        user,
        signal,
        ASSIGNED,
        title=f"You were given a signal: {_name_of(signal)}",
        body=notes or signal.description,
        # Given away and back is told again.
        happening=str(workflow.version),
    )


def tell_mentioned(comment: Comment, *, signal: Signal, user: User, author: User | None) -> None:
    """Tell a person, once a comment, that it mentions them."""
    who = author.name if author is not None else "Somebody"
    _tell(
        user,
        signal,
        MENTIONED,
        title=f"{who} mentions you: {_name_of(signal)}",
        body=comment.body,
        happening=str(comment.pk),
    )


def tell_reopened(
    *, signal: Signal, user: User, run: Run, months: Sequence[dt.date], needed: int, looked_at: int
) -> None:
    """Tell the assignee that a resolved signal is back: `needed` of the `looked_at` last months count."""
    named = ", ".join(f"{month:%Y-%m}" for month in months)
    _tell(
        user,
        signal,
        REOPENED,
        title=f"Reopened: {_name_of(signal)}",
        body=f"It is back in {named} ({needed} of the last {looked_at} are enough). {signal.description}",
        happening=str(run.pk),
    )


def tell_regression(*, signal: Signal, user: User, run: Run, before: int, after: int) -> None:
    """Tell the assignee that the severity rose from one run to the next."""
    _tell(
        user,
        signal,
        REGRESSION,
        title=f"Worse: {_name_of(signal)}",
        body=f"The severity rose from {before} to {after}. {signal.description}",
        happening=str(run.pk),
    )


def _tell(user: User, signal: Signal, kind: str, *, title: str, body: str, happening: str) -> None:
    """Tell a person who still belongs to the organization, once a kind, signal and happening."""
    # Who has left is told nothing of it any more.
    if not Membership.objects.filter(user=user, organization=signal.organization_id).exists():
        return
    notify(
        user=user,
        kind=kind,
        title=title,
        body=body,
        organization=signal.organization,
        target=signal,
        page=_page_of(signal),
        dedupe_key=f"{kind}:{signal.pk}:{happening}",
    )


def _name_of(signal: Signal) -> str:
    """Return which signal it is in a few words."""
    place = signal.facility_name or signal.facility_id or "all facilities"
    return f"{signal.metric_id}, {place}, {signal.groupby_label}"


def _page_of(signal: Signal) -> str:
    """Return the path of the signal's page, empty as long as there is none."""
    try:
        return reverse("signals:signal", args=[signal.pk])
    except NoReverseMatch:
        return ""
