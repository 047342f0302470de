"""The endpoints of what belongs to one proposal: its files and what it leaves as it is."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.filters import StrictFilterSet, one_of
from apps.common.pagination import Cursor, CursorPagination, SortKey, sort_keys
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.projects.api import proposal_serializers as shapes
from apps.projects.api.proposals import DIFF_TYPE, diff_response
from apps.projects.models import Proposal, ProposalFile
from apps.projects.queries.proposals import Left, LeftRows, find_file, left_occurrences, visible_proposal
from apps.projects.services.applications import diff_of_file
from apps.projects.states import Decision

PROPOSAL: Final = OpenApiParameter("proposal_pk", uuid.UUID, OpenApiParameter.PATH)
FILE: Final = OpenApiParameter("ordinal", int, OpenApiParameter.PATH, description="Number of the file.")
NUMBER_DIGITS: Final = 9


def proposal_of_address(actor: Any, text: str) -> Proposal:
    """Return the proposal that an address names; raises NotFound."""
    if not UUID_PATTERN.fullmatch(text):
        raise NotFound
    return visible_proposal(actor, uuid.UUID(text))


class FilePagination(CursorPagination):
    """Files by their number, which needs no tie-break: the key of the row is composite."""

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the order; raises Invalid."""
        return sort_keys(text, allowed)[:-1]


class LeftPagination(CursorPagination):
    """What is left, by its number."""

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the order; raises Invalid."""
        return sort_keys(text, allowed)[:-1]

    def fetch(self, queryset: Any, keys: Sequence[SortKey], cursor: Cursor | None, limit: int) -> list[Left]:
        """Return at most `limit` rows past the cursor, those before it nearest first."""
        rows: LeftRows = queryset
        number = cursor.values[0] if cursor else -1
        return rows.before(number, limit) if cursor and cursor.is_backward else rows.after(number, limit)


class ProposalFileFilter(StrictFilterSet):
    """Files by what was decided of them."""

    decision = one_of(Decision)

    class Meta:
        model = ProposalFile
        fields: list[str] = []


@extend_schema(parameters=[PROPOSAL])
class ProposalFileViewSet(ResourceViewSet[ProposalFile]):
    """The files that one proposal changes, with their edits."""

    queryset = ProposalFile.objects.all()
    offers = ("list",)
    permission = "projects.view"
    serializer_class = shapes.ProposalFileOut
    filterset_class = ProposalFileFilter
    pagination_class = FilePagination
    sort_fields = {"id": "ordinal"}
    default_sort = "id"
    lookup_field = "ordinal"
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> Any:
        """Return the files of the proposal in the address."""
        if getattr(self, "swagger_fake_view", False):
            return ProposalFile.objects.none()
        proposal = proposal_of_address(self.actor, self.kwargs["proposal_pk"])
        return ProposalFile.objects.filter(organization_id=proposal.organization_id, proposal=proposal)

    @extend_schema(parameters=[FILE], responses={(200, DIFF_TYPE): OpenApiTypes.BINARY})
    @action(detail=True)
    def diff(self, request: Request, proposal_pk: str, ordinal: str) -> HttpResponse:
        """Return the unified diff of one file with its ticked edits, whatever was decided of it."""
        proposal = proposal_of_address(self.actor, proposal_pk)
        if len(ordinal) > NUMBER_DIGITS:
            raise NotFound
        row = find_file(proposal, int(ordinal))
        return diff_response(diff_of_file(row), file_name=f"rename-{proposal.pk}-{ordinal}.diff")


@extend_schema(parameters=[PROPOSAL])
class ProposalResidualViewSet(ResourceViewSet[Proposal]):
    """Occurrences of the old name that one proposal leaves, and the files that were not looked at."""

    queryset = Proposal.objects.all()
    offers = ("list",)
    permission = "projects.view"
    serializer_class = shapes.LeftOut
    pagination_class = LeftPagination
    sort_fields = {"number": "number"}
    default_sort = "number"

    def get_queryset(self) -> Any:
        """Return what the proposal in the address leaves."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return left_occurrences(proposal_of_address(self.actor, self.kwargs["proposal_pk"]))
