"""Reads of proposals, their files and what stays."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.db.models import OuterRef, Subquery

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.projects.models import Application, Proposal, ProposalFile
from apps.projects.models.project import PartQuerySet


def listed_proposals() -> PartQuerySet:
    """Return proposals as lists and answers show them: with starter, project and child."""
    child = Proposal.objects.filter(parent=OuterRef("pk")).values("pk")[:1]
    heavy = ("residual", "unscanned", "scanned", "error_trace")
    found: PartQuerySet = (
        Proposal.objects.select_related("project__mirror", "organization", "created_by")
        .defer(*heavy)
        .annotate(child_pk=Subquery(child))
    )
    return found


def visible_proposal(actor: Actor, proposal_id: uuid.UUID) -> Proposal:
    """Return a proposal that the actor sees; raises NotFound. Issues one query."""
    found: Proposal | None = listed_proposals().visible_to(actor).filter(pk=proposal_id).first()
    if found is None:
        raise NotFound
    return found


def find_file(proposal: Proposal, ordinal: int) -> ProposalFile:
    """Return a file of a proposal by its number; raises NotFound."""
    row = ProposalFile.objects.filter(
        organization_id=proposal.organization_id, proposal=proposal, ordinal=ordinal
    ).first()
    if row is None:
        raise NotFound
    row.proposal = proposal
    return row


@dataclass(frozen=True, slots=True)
class Left:
    """An occurrence of the old name that stays; `line` is None for a whole file that was not looked at."""

    number: int
    path: str
    reason: str
    line: int | None = None
    column: int | None = None
    text: str = ""


class LeftRows:
    """What a proposal leaves, in order; answers what a page asks of a queryset."""

    def __init__(self, rows: Sequence[Left]) -> None:
        self._rows = rows

    def order_by(self) -> "LeftRows":
        """Return the rows, which have one order."""
        return self

    def __getitem__(self, wanted: slice) -> "LeftRows":
        """Return some of the rows."""
        return LeftRows(self._rows[wanted])

    def count(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def unscanned(self) -> list[Left]:
        """Return the files that were not looked at."""
        return [row for row in self._rows if row.line is None]

    def after(self, number: int, limit: int) -> list[Left]:
        """Return at most `limit` rows past a number."""
        return list(self._rows[number + 1 : number + 1 + limit])

    def before(self, number: int, limit: int) -> list[Left]:
        """Return at most `limit` rows before a number, the nearest first."""
        return list(self._rows[max(number - limit, 0) : number][::-1])


def left_occurrences(proposal: Proposal) -> LeftRows:
    """Return what a proposal leaves as it is: occurrences by place, then the files not looked at."""
    residual, unscanned = Proposal.objects.values_list("residual", "unscanned").get(pk=proposal.pk)
    return LeftRows([Left(number, **item) for number, item in enumerate([*residual, *unscanned])])


def stored_patch(proposal: Proposal) -> bytes | None:
    """Return the patch that was approved for an applied proposal, None for any other; raises NotFound."""
    row = Application.objects.filter(proposal=proposal).exclude(commit="").first()
    if row is None:
        return None
    if not default_storage.exists(row.storage_key):
        raise NotFound("The patch is not kept any more.")
    with default_storage.open(row.storage_key, "rb") as file:
        content: bytes = file.read()
    return content
