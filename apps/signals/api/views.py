"""The endpoints of the collection of signals, and of one signal."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.signals.api import facet_serializers, serializers
from apps.signals.api.filters import SignalFilter, checked_selection
from apps.signals.api.pagination import SignalPagination
from apps.signals.models import Signal
from apps.signals.queries.detail import describe_signal, detailed_signals, tag_of
from apps.signals.queries.facets import count_facilities, filter_options, summarize
from apps.signals.queries.listing import DEFAULT_SORT, SORTS, show_signals
from apps.signals.queries.selections import Selection

# What sums over the signals that the list's filters select.
SUMS = frozenset({"summary", "filter_options", "facilities"})


class SignalViewSet(ResourceViewSet[Signal]):
    """Signals: entities whose figures somebody may have to look at."""

    queryset = detailed_signals()
    offers = ("list", "retrieve")
    permission = "signals.view"
    serializer_class = serializers.SignalOut
    filterset_class = SignalFilter
    pagination_class = SignalPagination
    lookup_value_regex = "[0-9a-fA-F-]{36}"  # words such as `feed` are other addresses
    sort_fields = SORTS
    default_sort = DEFAULT_SORT

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters of the current action; sums take the list's filters."""
        known = super().known_parameters()
        return known | SignalFilter.base_filters.keys() if self.action in SUMS else known

    @extend_schema(operation_id="signals_summary", filters=True, responses=facet_serializers.SummaryOut)
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """Return how many signals the filters select, by type, domain and status."""
        return Response(facet_serializers.SummaryOut(summarize(self.actor, self._selection())).data)

    @extend_schema(
        operation_id="signals_filter_options", filters=True, responses=facet_serializers.FilterOptionsOut
    )
    @action(detail=False, pagination_class=None, url_path="filter-options")
    def filter_options(self, request: Request) -> Response:
        """Return which values the signals have that the filters select, of each field to filter by."""
        found = filter_options(self.actor, self._selection())
        return Response(facet_serializers.FilterOptionsOut(found).data)

    @extend_schema(
        operation_id="signals_facilities", filters=True, responses=facet_serializers.FacilityCountsOut
    )
    @action(detail=False, pagination_class=None)
    def facilities(self, request: Request) -> Response:
        """Return the facilities of the signals that the filters select, with counts and worst severity."""
        found = count_facilities(self.actor, self._selection())
        return Response(facet_serializers.FacilityCountsOut(found).data)

    def _selection(self) -> Selection:
        return checked_selection(self.request, self)

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
        row = self.get_object()
        return Response(self.answer(row), headers={"ETag": self._tag(row)})

    def _tag(self, row: Signal) -> str:
        return tag_of(row, self.request.query_params.get("fields", ""))

    def get_queryset(self) -> QuerySet[Signal]:
        """Return the signals that the actor may see."""
        found: QuerySet[Signal] = super().get_queryset()
        return found.select_related(None) if self.action == "list" else found
