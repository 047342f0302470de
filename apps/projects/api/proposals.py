"""The endpoints of rename proposals."""

from typing import Any, Final

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import etags
from apps.common.filters import StrictFilterSet, id_of, one_of
from apps.common.viewsets import ResourceViewSet
from apps.projects.api import proposal_serializers as shapes
from apps.projects.models import Proposal
from apps.projects.queries.projects import visible_project
from apps.projects.queries.proposals import listed_proposals
from apps.projects.services import applications, decisions, proposals, suggestions
from apps.projects.services.decisions import FileDecision
from apps.projects.states import ProposalState

IF_MATCH: Final = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="ETag of the proposal that is decided on."
)
DIFF_TYPE: Final = "text/x-diff"


def diff_response(content: bytes, *, file_name: str) -> HttpResponse:
    """Return a diff as a download: what stands in it is a stranger's text, in any encoding."""
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return HttpResponse(content, content_type=DIFF_TYPE, headers=headers)


class ProposalFilter(StrictFilterSet):
    """Proposals by project and state."""

    project_id = id_of("project")
    state = one_of(ProposalState)

    class Meta:
        model = Proposal
        fields: list[str] = []


class ProposalViewSet(ResourceViewSet[Proposal]):
    """Renames: proposed, decided file by file, previewed, applied as one commit."""

    queryset = listed_proposals()
    offers = ("list", "retrieve", "create")
    # What more is needed depends on the project, not on who began the proposal: the services ask.
    permission = "projects.view"
    limits = {"create": "refactor", "repropose": "refactor"}
    serializer_class = shapes.RenameProposalOut
    in_serializer_class = shapes.RenameIn
    filterset_class = ProposalFilter
    create_status = 202

    def create_row(self, values: dict[str, Any]) -> Proposal:
        """Queue the analysis of a rename."""
        project = visible_project(self.actor, values.pop("project_id"))
        suggestion = values.pop("suggestion", None)
        if suggestion is None:
            row = proposals.propose_rename(actor=self.actor, project=project, **values)
        else:
            row = suggestions.propose_suggestion(actor=self.actor, project=project, **suggestion, **values)
        return self._shown(row)

    @extend_schema(parameters=[IF_MATCH], request=shapes.DecisionsIn, responses=shapes.RenameProposalOut)
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def decisions(self, request: Request, pk: str) -> Response:
        """Decide files, or tick single edits, unless If-Match names another state of the proposal."""
        row, values = self._guarded_object(), self.validated(shapes.DecisionsIn)
        if "all" in values:
            row = decisions.decide_all(actor=self.actor, proposal=row, decision=values["all"])
        else:
            items = [_decision(item) for item in values["items"]]
            row = decisions.decide_files(actor=self.actor, proposal=row, items=items)
        return self._tagged(row)

    @extend_schema(request=None, responses=shapes.ProposalPreviewOut)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Make the patch of what is chosen, and check it; nothing is written."""
        preview = applications.preview_proposal(actor=self.actor, proposal=self.get_object())
        return Response(shapes.ProposalPreviewOut(preview).data)

    @extend_schema(request=shapes.ApplyIn, responses={202: shapes.ApplicationOut})
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """Approve exactly the patch that was previewed, which becomes one commit."""
        row, values = self.get_object(), self.validated(shapes.ApplyIn)
        values["patch_digest"] = bytes.fromhex(values["patch_digest"])
        job = applications.apply_proposal(actor=self.actor, proposal=row, **values)
        return Response(shapes.ApplicationOut(job).data, status=202, headers=self.location_of(row))

    @extend_schema(request=None, responses=shapes.RenameProposalOut)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """End the proposal without applying it."""
        return self._tagged(proposals.reject_proposal(actor=self.actor, proposal=self.get_object()))

    @extend_schema(request=None, responses={202: shapes.RenameProposalOut})
    @action(detail=True, methods=["post"])
    def repropose(self, request: Request, pk: str) -> Response:
        """Ask for the same rename on what is published now; decisions on unchanged files are kept."""
        row = self._shown(proposals.repropose(actor=self.actor, proposal=self.get_object()))
        return Response(self.answer(row), status=202, headers=self.location_of(row))

    @extend_schema(responses={(200, DIFF_TYPE): OpenApiTypes.BINARY})
    @action(detail=True)
    def patch(self, request: Request, pk: str) -> HttpResponse:
        """Return the patch: what was applied, else what is chosen now; `git apply` takes it."""
        row = self.get_object()
        return diff_response(applications.patch_of_proposal(row), file_name=f"rename-{row.pk}.patch")

    def _shown(self, row: Proposal) -> Proposal:
        """Return a changed or new row with all that its answer shows."""
        shown: Proposal = listed_proposals().get(pk=row.pk)
        return shown

    def _tagged(self, row: Proposal) -> Response:
        """Return the proposal with the tag that the next act may name in If-Match."""
        answer = self.answer(self._shown(row))
        tag = etags.strong_etag(self._rendered(answer))
        return Response(answer, headers={"ETag": tag, "Content-Location": self.location_of(row)["Location"]})


def _decision(item: dict[str, Any]) -> FileDecision:
    return FileDecision(item["file_id"], item.get("decision", ""), item.get("edits"))
