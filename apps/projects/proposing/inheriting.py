"""A child of a stale proposal keeps what was decided of files that have stayed as they were."""

from collections.abc import Iterable

from apps.projects.models import Proposal, ProposalFile
from apps.projects.proposing.recording import edits_of
from apps.projects.renaming.values import Edit
from apps.projects.states import Decision


def inherit_decisions(proposal: Proposal, rows: Iterable[ProposalFile]) -> None:
    """Give unsaved rows the decisions that the parent has for files with equal blob and edits."""
    if proposal.parent_id is None:
        return
    decided = ProposalFile.objects.filter(proposal=proposal.parent_id).exclude(decision=Decision.PENDING)
    before = {bytes(row.path): row for row in decided}
    for row in rows:
        known = before.get(bytes(row.path))
        if known is not None and known.blob == row.blob and _shape(known) == _shape(row):
            row.decision, row.edits = known.decision, known.edits


def _shape(row: ProposalFile) -> list[tuple[object, ...]]:
    """Return the edits of a row but for what people ticked."""
    return [_facts(edit) for edit in edits_of(row)]


def _facts(edit: Edit) -> tuple[object, ...]:
    return (edit.id, edit.bucket, edit.group, edit.start, edit.end, edit.before, edit.after)
