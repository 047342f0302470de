"""The endpoints of one signal's workflow: who has it, and where it stands."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import etags
from apps.common.errors import NotFound, PreconditionFailed
from apps.common.serializers import StrictSerializer
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.signals import triage_services
from apps.signals.api import triage_serializers as serializers
from apps.signals.models import Assignment, Signal, Workflow
from apps.signals.queries.assignees import WORK
from apps.signals.queries.detail import detailed_signals, tag_of

IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETag of the signal, or of its assignment, that the change is meant for.",
)


def visible_signal(actor: Any, signal_id: str) -> Signal:
    """Return a signal that the actor sees; raises NotFound."""
    if not UUID_PATTERN.fullmatch(signal_id):
        raise NotFound
    rows = Signal.objects.visible_to(actor).select_related("organization")
    row = rows.filter(pk=uuid.UUID(signal_id)).first()
    if row is None:
        raise NotFound
    return row


class TriageViewSet(ResourceViewSet[Signal]):
    """Acts on one signal. Each answers with the workflow, whose tag the next one may name in If-Match."""

    queryset = Signal.objects.select_related("organization")
    permission = WORK
    permissions = {"assignment": "signals.view"}
    serializer_class = serializers.WorkflowOut

    @extend_schema(
        parameters=[IF_MATCH],
        request=serializers.AssignIn,
        responses=serializers.WorkflowOut,
    )
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give the signal to somebody, or take it."""
        return self._act(triage_services.assign_signal, serializers.AssignIn)

    @extend_schema(parameters=[IF_MATCH], request=serializers.UnassignIn, responses=serializers.WorkflowOut)
    @action(detail=True, methods=["post"])
    def unassign(self, request: Request, pk: str) -> Response:
        """Give the signal back: nobody has it then, and it is new."""
        return self._act(triage_services.unassign_signal, serializers.UnassignIn)

    @extend_schema(parameters=[IF_MATCH], request=serializers.StatusPatch, responses=serializers.WorkflowOut)
    @action(detail=True, methods=["patch"])
    def status(self, request: Request, pk: str) -> Response:
        """Move the signal; 409 names in `allowed` where it can be moved to."""
        return self._act(triage_services.move_signal, serializers.StatusPatch)

    @extend_schema(responses=serializers.WorkflowOut)
    @action(detail=True)
    def assignment(self, request: Request, pk: str) -> Response:
        """Return where the signal stands and who has it."""
        workflow = Workflow.objects.select_related("assignee").filter(signal=self.get_object()).first()
        if workflow is None:
            raise NotFound
        return Response(self.answer(workflow))

    @transaction.atomic
    def _act(self, act: Callable[..., Workflow], body: type[StrictSerializer]) -> Response:
        """Act on the signal as the body says, unless If-Match names another state of it."""
        signal = self.get_object()
        values = self.validated(body)
        if "If-Match" in self.request.headers:
            # Locked first, so that nothing changes between the comparison and the act.
            self._check_if_match(triage_services.lock_workflow(signal))
        workflow = act(actor=self.actor, signal=signal, **values)
        address = reverse("triage-assignment", args=[str(signal.pk)])
        # The tag is that of the address named here, not of the act's own.
        headers = {"ETag": self._tag(workflow), "Content-Location": address}
        return Response(self.answer(workflow), headers=headers)

    def _check_if_match(self, workflow: Workflow) -> None:
        """Raise PreconditionFailed unless If-Match names the workflow as it is, or the signal as it is."""
        signal = detailed_signals().get(pk=workflow.signal_id)
        tags = (self._tag(workflow), tag_of(signal, ""))
        if not any(etags.matches(self.request.headers["If-Match"], tag) for tag in tags):
            raise PreconditionFailed

    def _tag(self, workflow: Workflow) -> str:
        return etags.strong_etag(self._rendered(self.answer(workflow)))


class AssignmentViewSet(ResourceViewSet[Assignment]):
    """Who had one signal, the newest first."""

    queryset = Assignment.objects.select_related("assignee", "assigner")
    offers = ("list",)
    permission = "signals.view"
    serializer_class = serializers.AssignmentOut
    sort_fields = {"assigned_at": "assigned_at"}
    default_sort = "-assigned_at"

    def get_queryset(self) -> Any:
        """Return the assignments of the signal in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(signal=visible_signal(self.actor, self.kwargs["signal_id"]))
