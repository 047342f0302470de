"""What watchers of a project see of its proposals, after the commit; ids and names only."""

from apps.common import live
from apps.projects.models import Proposal


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
