"""The endpoints of hydrations and their diffs."""

import uuid

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.common.errors import NotFound
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.signals.api import run_filters
from apps.signals.api.hydration_serializers import HydrationDiffOut, HydrationOut
from apps.signals.models import Hydration, HydrationDiff
from apps.signals.queries.hydrations import listed_hydrations, with_signals

HYDRATION = OpenApiParameter("hydration_pk", uuid.UUID, OpenApiParameter.PATH)


class HydrationViewSet(ResourceViewSet[Hydration]):
    """Hydrations: from the rows of a run to signals."""

    queryset = listed_hydrations()
    offers = ("list", "retrieve")
    permission = "signals.view"
    serializer_class = HydrationOut
    filterset_class = run_filters.HydrationFilter


@extend_schema(parameters=[HYDRATION])
class HydrationDiffViewSet(ResourceViewSet[HydrationDiff]):
    """What one hydration tried without effect would do; kept for a week."""

    queryset = HydrationDiff.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = HydrationDiffOut
    filterset_class = run_filters.HydrationDiffFilter
    sort_fields = {"kind": "kind", "created_at": "created_at"}
    default_sort = "kind"

    def get_queryset(self) -> QuerySet[HydrationDiff]:
        """Return the diff of the hydration in the address."""
        if getattr(self, "swagger_fake_view", False):
            return HydrationDiff.objects.none()
        text = self.kwargs["hydration_pk"]
        found = Hydration.objects.visible_to(self.actor)
        if not UUID_PATTERN.fullmatch(text) or not found.filter(pk=uuid.UUID(text)).exists():
            raise NotFound
        return with_signals(HydrationDiff.objects.filter(hydration=uuid.UUID(text)))
