"""Every move of a proposal's state: one conditional UPDATE, whose row count decides races."""

import uuid
from typing import Any, NoReturn

from django.db.models import F
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.projects.announcing import announce_proposal
from apps.projects.errors import JobAlreadyCompleted
from apps.projects.models import Proposal
from apps.projects.states import PROPOSAL_MOVES, ProposalState


def move_proposal(proposal_id: uuid.UUID, start: ProposalState, end: ProposalState, **fields: Any) -> bool:
    """Move a proposal from one state to another, and tell who watches; tell whether it was there still."""
    if end not in PROPOSAL_MOVES[start]:
        raise ValueError(f"a proposal never moves from {start} to {end}")
    # Two may act at once: the UPDATE of one finds the state that it expects, that of the other does not.
    rows = Proposal.objects.filter(pk=proposal_id, state=start)
    if not rows.update(state=end, version=F("version") + 1, updated_at=timezone.now(), **fields):
        return False
    shown = Proposal.objects.only("project", "organization", "state", "status", "progress", "version")
    announce_proposal(shown.get(pk=proposal_id))
    return True


def reopen_analysis(proposal: Proposal) -> None:
    """Let a proposal be analysed again whose failed job was retried; no person's act leads there."""
    rows = Proposal.objects.filter(pk=proposal.pk, status=JobStatus.RUNNING, state=ProposalState.FAILED)
    if rows.update(state=ProposalState.ANALYSING):
        proposal.state = ProposalState.ANALYSING


def refuse_act(proposal: Proposal) -> NoReturn:
    """Raise what an act gets whose proposal is in no state for it: JobAlreadyCompleted, or a Conflict."""
    state = ProposalState(proposal.state)
    extra = {"state": state.value}
    if state.is_final:
        raise JobAlreadyCompleted(f"The proposal is {state}.", extra=extra)
    raise Conflict(f"The proposal is {state}.", extra=extra)
