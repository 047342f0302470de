"""What people decide of the files of a proposal, and of single edits."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common.errors import FieldError, Invalid
from apps.projects.announcing import announce_proposal
from apps.projects.models import Proposal, ProposalFile
from apps.projects.proposing.moving import refuse_act
from apps.projects.rights import Right, require_right
from apps.projects.states import Bucket, ProposalState


@dataclass(frozen=True, slots=True)
class FileDecision:
    """What somebody says of one file: its decision (empty: as it is), and ticks by the ids of edits."""

    ordinal: int
    decision: str = ""
    ticks: Mapping[str, bool] | None = None


@transaction.atomic
def decide_files(*, actor: Actor, proposal: Proposal, items: Sequence[FileDecision]) -> Proposal:
    """Decide some files of a proposal; raises Conflict unless it waits for decisions, Invalid."""
    locked = _open_proposal(actor, proposal.pk)
    rows = {row.ordinal: row for row in locked.files.filter(ordinal__in=[item.ordinal for item in items])}
    for index, item in enumerate(items):
        if item.ordinal not in rows:
            raise _wrong("The proposal has no such file.", f"/items/{index}/file_id")
        _decide(rows[item.ordinal], item, f"/items/{index}/edits")
    return _decided(locked)


@transaction.atomic
def decide_all(*, actor: Actor, proposal: Proposal, decision: str) -> Proposal:
    """Decide all files of a proposal alike; raises Conflict unless it waits for decisions."""
    locked = _open_proposal(actor, proposal.pk)
    locked.files.update(decision=decision)
    return _decided(locked)


def _open_proposal(actor: Actor, proposal_id: uuid.UUID) -> Proposal:
    # Locked, so that decisions follow each other and none falls between an approval and its patch.
    locked: Proposal = Proposal.objects.select_for_update(of=("self",)).get(pk=proposal_id)
    require_right(actor, locked.project, Right.EDIT, "projects.run")
    if locked.state != ProposalState.PROPOSED:
        refuse_act(locked)
    return locked


def _decide(row: ProposalFile, item: FileDecision, pointer: str) -> None:
    ticks = item.ticks or {}
    known: dict[str, dict[str, Any]] = {edit["id"]: edit for edit in row.edits}
    for edit_id, is_ticked in ticks.items():
        if edit_id not in known:
            raise _wrong("The file has no such edit.", f"{pointer}/{edit_id}")
        if is_ticked and known[edit_id]["bucket"] == Bucket.REFUSED:
            raise _wrong("A refused edit cannot be chosen.", f"{pointer}/{edit_id}")
        known[edit_id]["selected"] = is_ticked
    rows = ProposalFile.objects.filter(proposal=row.proposal_id, ordinal=row.ordinal)
    rows.update(edits=row.edits, decision=item.decision or row.decision)


def _wrong(detail: str, pointer: str) -> Invalid:
    return Invalid(errors=[FieldError(detail, pointer=pointer)])


def _decided(proposal: Proposal) -> Proposal:
    rows = Proposal.objects.filter(pk=proposal.pk)
    rows.update(version=F("version") + 1, updated_at=timezone.now())
    proposal.refresh_from_db()
    announce_proposal(proposal)
    return proposal
