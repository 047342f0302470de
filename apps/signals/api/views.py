"""The endpoints of the collection of signals, and of one signal."""

from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import etags
from apps.common.viewsets import ResourceViewSet
from apps.signals.api import facet_serializers, serializers
from apps.signals.api.filters import SignalFilter, checked_selection
from apps.signals.api.pagination import SignalPagination
from apps.signals.api.triage_serializers import AnnotationPatch
from apps.signals.models import Signal
from apps.signals.queries.assignees import WORK
from apps.signals.queries.detail import describe_signal, detailed_signals, tag_of
from apps.signals.queries.facets import count_facilities, filter_options, summarize
from apps.signals.queries.listing import DEFAULT_SORT, SORTS, show_signals
from apps.signals.queries.selections import Selection, select_signals
from apps.signals.triage_services import annotate_signal

# What sums over the signals that the list's filters select.
SUMS = frozenset({"summary", "filter_options", "facilities"})


class SignalViewSet(ResourceViewSet[Signal]):
    """Signals: entities whose figures somebody may have to look at."""

    queryset = detailed_signals()
    offers = ("list", "retrieve", "partial_update")
    permission = "signals.view"
    permissions = {"partial_update": WORK}
    serializer_class = serializers.SignalOut
    patch_serializer_class = AnnotationPatch
    filterset_class = SignalFilter
    pagination_class = SignalPagination
    lookup_value_regex = "[0-9a-fA-F-]{36}"  # words such as `feed` are other addresses
    sort_fields = SORTS
    default_sort = DEFAULT_SORT

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters of the current action; sums take the list's filters."""
        known = super().known_parameters()
        return known | SignalFilter.base_filters.keys() if self.action in SUMS else known

    @extend_schema(operation_id="signals_summary", filters=True, responses=facet_serializers.SignalSummaryOut)
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """Return how many signals the filters select, by type, domain and status."""
        return Response(facet_serializers.SignalSummaryOut(summarize(self.actor, self.selection)).data)

    @extend_schema(
        operation_id="signals_filter_options", filters=True, responses=facet_serializers.FilterOptionsOut
    )
    @action(detail=False, pagination_class=None, url_path="filter-options")
    def filter_options(self, request: Request) -> Response:
        """Return which values the signals have that the filters select, of each field to filter by."""
        found = filter_options(self.actor, self.selection)
        return Response(facet_serializers.FilterOptionsOut(found).data)

    @extend_schema(
        operation_id="signals_facilities", filters=True, responses=facet_serializers.FacilityCountsOut
    )
    @action(detail=False, pagination_class=None)
    def facilities(self, request: Request) -> Response:
        """Return the facilities of the signals that the filters select, with counts and worst severity."""
        found = count_facilities(self.actor, self.selection)
        return Response(facet_serializers.FacilityCountsOut(found).data)

    @cached_property
    def selection(self) -> Selection:
        """Return what the filters of the request select; raises Invalid."""
        return checked_selection(self.request, self)

    def filter_queryset(self, queryset: Any) -> Any:
        """Return the signals that the filters select."""
        return select_signals(self.actor, self.selection)

    def get_serializer_class(self) -> Any:
        """Return the form of lists, or that of one signal."""
        return serializers.SignalOut if self.action == "list" else serializers.SignalDetailOut

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Return signals as lists show them, or one with everything."""
        now = timezone.now()
        if many:
            return super().answer(show_signals(row, now=now), many=True)
        return super().answer(describe_signal(row, actor=self.actor, now=now))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one signal with everything."""
        return self._tagged(self.get_object())

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write over the generated texts, unless If-Match names another state of the signal."""
        row = self.get_object()
        if "If-Match" in request.headers:
            # Locked first, so that nothing changes between the comparison and the update.
            Signal.objects.select_for_update(no_key=True).filter(pk=row.pk).first()
            row = self.get_object()
            etags.check_if_match(request, self._tag(row))
        annotate_signal(actor=self.actor, signal=row, **self.validated(AnnotationPatch))
        return self._tagged(self.get_object())

    def _tagged(self, row: Signal) -> Response:
        return Response(self.answer(row), headers={"ETag": self._tag(row)})

    def _tag(self, row: Signal) -> str:
        return tag_of(row, self.request.query_params.get("fields", ""))
