"""The endpoints of what belongs to one signal."""

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.signals.api import part_serializers as serializers
from apps.signals.api.pagination import MissingLastPagination
from apps.signals.api.triage import visible_signal
from apps.signals.models import Observation, Signal
from apps.signals.queries.contributions import contributions_of
from apps.signals.queries.detail import detailed_signals
from apps.signals.queries.explaining import explain_signal
from apps.signals.queries.lineage import lineage_of
from apps.signals.queries.listing import DEFAULT_SORT, SORTS
from apps.signals.queries.observed import history_of
from apps.signals.queries.relatives import Relative, children_of, parents_of, related_to, show_relatives
from apps.signals.queries.technical import technical_details_of
from apps.signals.queries.trends import temporal_of

SIGNAL_ID = OpenApiParameter("signal_id", uuid.UUID, OpenApiParameter.PATH)


class SignalPartViewSet(ResourceViewSet[Signal]):
    """What belongs to one signal, each by an address of its own."""

    queryset = detailed_signals()
    permission = "signals.view"
    serializer_class = serializers.RelativeOut
    query_serializer_classes = {
        "contributions": serializers.ContributionQuery,
        "lineage": serializers.LineageQuery,
    }

    @extend_schema(operation_id="signals_temporal", responses=serializers.TemporalOut)
    @action(detail=True)
    def temporal(self, request: Request, pk: str) -> Response:
        """Return how the signal moved over its months, and its peers with it."""
        return Response(serializers.TemporalOut(temporal_of(self.get_object())).data)

    @extend_schema(operation_id="signals_contributions", responses=serializers.ContributionsOut)
    @action(detail=True)
    def contributions(self, request: Request, pk: str) -> Response:
        """Return what the parts of the signal contribute to it, and it to what it is part of."""
        found = contributions_of(self.get_object(), **self.validated_query())
        return Response(serializers.ContributionsOut(found).data)

    @extend_schema(operation_id="signals_parents", responses=serializers.RelativesOut)
    @action(detail=True)
    def parent(self, request: Request, pk: str) -> Response:
        """Return the signals that the signal is part of, the chosen one first."""
        return self._relatives(parents_of(self.get_object()))

    @extend_schema(operation_id="signals_related", responses=serializers.RelativesOut)
    @action(detail=True)
    def related(self, request: Request, pk: str) -> Response:
        """Return at most 50 signals of the facility by service line or semantic edge, the worst first."""
        return self._relatives(related_to(self.get_object()))

    @extend_schema(operation_id="signals_technical_details", responses=serializers.TechnicalDetailsOut)
    @action(detail=True, url_path="technical-details")
    def technical_details(self, request: Request, pk: str) -> Response:
        """Return every figure behind the signal; 409 once its runs were pruned."""
        return Response(serializers.TechnicalDetailsOut(technical_details_of(self.get_object())).data)

    @extend_schema(operation_id="signals_explain", responses=serializers.ReasoningOut)
    @action(detail=True)
    def explain(self, request: Request, pk: str) -> Response:
        """Return why the signal has its type and severity, and what would change the type."""
        return Response(serializers.ReasoningOut(explain_signal(self.get_object())).data)

    @extend_schema(operation_id="signals_lineage", responses=serializers.LineageOut)
    @action(detail=True)
    def lineage(self, request: Request, pk: str) -> Response:
        """Return the way from the signal through run, build and mart to the lines of files."""
        found = lineage_of(self.get_object(), self.validated_query().get("run"))
        return Response(serializers.LineageOut(found).data)

    def _relatives(self, relatives: list[Relative]) -> Response:
        shown = show_relatives(relatives, now=timezone.now())
        return Response({"results": serializers.RelativeOut(shown, many=True).data})


class HistoryViewSet(ResourceViewSet[Observation]):
    """What each run said of one signal, the newest first."""

    queryset = Observation.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = serializers.ObservationOut
    sort_fields = {"started_at": "run__started_at"}
    default_sort = "-started_at"

    def get_queryset(self) -> Any:
        """Return the observations of the signal in the address."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return history_of(visible_signal(self.actor, self.kwargs["signal_id"]))


@extend_schema(parameters=[SIGNAL_ID])
class ChildViewSet(ResourceViewSet[Signal]):
    """The signals that one signal breaks down into, by the edges of its graph."""

    queryset = Signal.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = serializers.RelativeOut
    pagination_class = MissingLastPagination
    sort_fields = SORTS
    default_sort = DEFAULT_SORT

    def get_queryset(self) -> Any:
        """Return the children of the signal in the address."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        signal = visible_signal(self.actor, self.kwargs["signal_id"])
        rows, self.edge_types = children_of(signal)
        return rows

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Return the children as they are shown, each with its edge type."""
        found = [Relative(child, self.edge_types[child.node_id]) for child in row]
        return super().answer(show_relatives(found, now=timezone.now()), many=many)
