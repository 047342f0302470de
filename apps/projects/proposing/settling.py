"""What follows the end of an analysis or an application; a worker may die before, so the clock asks again."""

from django.db.models import Exists, OuterRef

from apps.common.db import JobStatus
from apps.projects.models import Application, Proposal
from apps.projects.models.mirror import LIVE
from apps.projects.proposing.analysing import end_analysis, run_rename
from apps.projects.proposing.applying import end_application
from apps.projects.proposing.staleness import follow_publication
from apps.projects.states import ProposalState

ENDED: list[str] = [JobStatus.FAILED, JobStatus.CANCELLED]


def settle_analysis(row: Proposal) -> None:
    """Let no proposal stay in analysing after its job; let the project's next one begin."""
    if row.status == JobStatus.SUCCEEDED:
        # The base may have moved while it was analysed.
        follow_publication(row.project_id)
    else:
        end_analysis(row)
    waiting = Proposal.objects.filter(project=row.project_id, status=JobStatus.QUEUED)
    following = waiting.order_by("queued_at", "pk").first()
    if following is not None:
        run_rename.nudge(following.pk, following.queue)


def settle_application(row: Application) -> None:
    """Give a proposal back whose application has ended without success, or let it be stale by now."""
    if row.status != JobStatus.SUCCEEDED:
        end_application(row)
        follow_publication(row.project_id)


def settle_lost() -> int:
    """Settle what ended while its worker died before the end was followed; return how many there were."""
    analysed = Proposal.objects.filter(state=ProposalState.ANALYSING, status__in=ENDED)
    live = Application.objects.filter(LIVE, proposal=OuterRef("pk"))
    applying = Proposal.objects.filter(~Exists(live), state=ProposalState.APPLYING)
    ended = Application.objects.filter(proposal__in=applying, status__in=ENDED).order_by("proposal", "-pk")
    latest = list(ended.distinct("proposal"))
    settled = sum(end_analysis(row) for row in analysed)
    for row in latest:
        settle_application(row)
    return settled + len(latest)
