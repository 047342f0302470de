"""What watchers of a project and the starters of proposals hear, after the commit; ids and names only."""

from typing import Final

from django.urls import NoReverseMatch, reverse

from apps.accounts.models import Membership
from apps.accounts.services import notify
from apps.common import live
from apps.common.notices import Level, NoticeKind
from apps.projects.models import Proposal

JOB_FINISHED: Final = "projects.job_finished"
READY: Final = "projects.proposal_ready"
STALE: Final = "projects.proposal_stale"
APPLIED: Final = "projects.proposal_applied"
NOTICES: Final = (
    NoticeKind(name=JOB_FINISHED, title="A job of yours on a project has ended"),
    NoticeKind(name=READY, title="A rename of yours is ready to be reviewed"),
    NoticeKind(name=STALE, title="A rename of yours no longer fits the code", level=Level.WARNING),
    NoticeKind(name=APPLIED, title="A rename of yours was applied"),
)
_TITLES: Final = {
    JOB_FINISHED: "The analysis of a rename failed: {}",
    READY: "Ready to be reviewed: rename to {}",
    STALE: "The code has changed under a rename to {}",
    APPLIED: "Applied: rename to {}",
}


def announce_proposal(proposal: Proposal) -> None:
    """Publish where a proposal stands to those who watch its project."""
    data = {
        "id": str(proposal.pk),
        "state": proposal.state,
        "status": proposal.status,
        "stage": proposal.stage,
        "progress": round(proposal.progress, 4),
        "version": proposal.version,
    }
    live.publish(
        topic=f"projects.{proposal.project_id}",
        type="proposal.changed",
        data=data,
        organization_id=proposal.organization_id,
    )


def tell_starter(proposal: Proposal, kind: str) -> None:
    """Tell whoever started a proposal, once a kind; who has left the organization hears nothing."""
    user = proposal.created_by
    if user is None:
        return
    if not Membership.objects.filter(user=user, organization=proposal.organization_id).exists():
        return
    notify(
        user=user,
        kind=kind,
        title=_TITLES[kind].format(proposal.new_name),
        body=proposal.project.name,
        organization=proposal.organization,
        target=proposal,
        page=_page_of(proposal),
        dedupe_key=f"{kind}:{proposal.pk}",
    )


def _page_of(proposal: Proposal) -> str:
    """Return the path of the proposal's page, empty as long as there is none."""
    try:
        return reverse("projects:proposal", args=[proposal.project_id, proposal.pk])
    except NoReverseMatch:
        return ""
