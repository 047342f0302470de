"""The endpoints of the catalogue of metrics: list, object, tree, overview, and the policy."""

from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.pagination import Cursor, cursor_link, cursor_scope, decode_cursor
from apps.common.viewsets import ResourceViewSet
from apps.metrics import services
from apps.metrics.api import serializers
from apps.metrics.api.filters import MetricFilter
from apps.metrics.api.query_simple import simple_data
from apps.metrics.catalog import policy_of
from apps.metrics.models import Metric, Policy
from apps.metrics.queries.catalogue import describe, describe_page, find_metric, with_last_received
from apps.metrics.queries.overview import overview_of
from apps.metrics.queries.tree import children_of

# They stand for something else in an address, also those that are yet to come: a metric called so is reached
# by its id.
FIXED_WORDS: Final = frozenset(
    {
        "batch", "counter", "export", "overview", "policy", "query", "receipts", "tags", "tree", "value",
    }
)  # fmt: skip
METRIC: Final = OpenApiParameter(
    "metric",
    str,
    OpenApiParameter.PATH,
    description="The id, or the percent-encoded key: `cpu.load%3Bhost%3Da`.",
)


class MetricViewSet(ResourceViewSet[Metric]):
    """Metrics: series of points under one key, `name;tag=value`."""

    queryset = Metric.objects.all()
    offers = ("list", "retrieve", "create", "partial_update")
    permission = "metrics.view"
    permissions = {"create": "metrics.change", "partial_update": "metrics.change"}
    serializer_class = serializers.MetricOut
    in_serializer_class = serializers.MetricIn
    patch_serializer_class = serializers.MetricPatch
    query_serializer_classes = {
        "retrieve": serializers.ObjectParameters,
        "tree": serializers.TreeParameters,
    }
    blank_parameters = frozenset({"prefix"})
    filterset_class = MetricFilter
    search_fields = ("key", "description")
    sort_fields = {"metric": "key", "created_at": "created_at", "last_received_at": "last_received_at"}
    default_sort = "metric"
    lookup_url_kwarg = "metric"
    # Keys may contain slashes, which `%2F` has become by now; an address that ends in one is redirected.
    lookup_value_regex = r"[^\0]*[^/]"

    def get_queryset(self) -> QuerySet[Metric]:
        """Return the living metrics, with what the list is sorted by."""
        rows: QuerySet[Metric] = super().get_queryset()
        sort = self.request.query_params.get("sort", "") if self.action == "list" else ""
        return with_last_received(rows) if "last_received_at" in sort else rows

    def get_object(self) -> Metric:
        """Return the metric of the address; raises NotFound."""
        text = self.kwargs["metric"]
        if text in FIXED_WORDS:
            raise NotFound
        row = find_metric(self.actor, text)
        self._check_permission(row)
        return row

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Return metrics with their ends: exact for one, as of the last compaction for a page."""
        return super().answer(describe_page(row) if many else describe(row), many=many)

    def create_row(self, values: dict[str, Any]) -> Metric:
        """Create the metric."""
        return services.create_metric(actor=self.actor, **values)

    def update_row(self, row: Metric, values: dict[str, Any]) -> Metric:
        """Change the metric."""
        return services.update_metric(actor=self.actor, metric=row, changes=values)

    @extend_schema(parameters=[METRIC], responses=serializers.MetricWithSeriesOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one metric, and with `from` its series by bucket, too."""
        row = self.get_object()
        shown = self.answer(row)
        if request.query_params.keys() - {"fields"}:
            shown |= simple_data(metric=row, values=self.validated_query(), now=timezone.now())
        return Response(shown)

    @extend_schema(parameters=[METRIC])
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change description, unit or retention of a metric, unless If-Match names another state of it."""
        return super().partial_update(request, *args, **kwargs)

    @extend_schema(responses=serializers.TreeOut, filters=False)
    @action(detail=False, pagination_class=None)
    def tree(self, request: Request) -> Response:
        """Return the children of a path in the tree of names."""
        asked = self.validated_query()
        scope = cursor_scope(request)
        start = decode_cursor(asked["cursor"], scope, 1).values[0] if "cursor" in asked else None
        page = children_of(self.actor.organization.pk, asked["prefix"], limit=asked["page_size"], start=start)
        following = Cursor((page.resume_at,)) if page.resume_at is not None else None
        links = {"next": cursor_link(request, following, scope), "previous": None}
        return Response(serializers.TreeOut({"results": page.nodes, **links}).data)

    @extend_schema(responses=serializers.OverviewOut, filters=False)
    @action(detail=False, pagination_class=None)
    def overview(self, request: Request) -> Response:
        """Return how many metrics and points there are, what waits, and the metrics made last."""
        found = overview_of(self.actor, now=timezone.now())
        return Response(serializers.OverviewOut(found).data)


class PolicyViewSet(ResourceViewSet[Policy]):
    """The policy: what holds for all metrics of the organization."""

    queryset = Policy.objects.all()
    permission = "metrics.view"
    permissions = {"partial_update": "metrics.configure"}
    serializer_class = serializers.PolicyOut
    patch_serializer_class = serializers.PolicyPatch

    def get_queryset(self) -> QuerySet[Policy]:
        """Return the one row of the organization."""
        if getattr(self, "swagger_fake_view", False):
            return Policy.objects.none()
        return Policy.objects.filter(pk=self.actor.organization.pk)

    def get_object(self) -> Policy:
        """Return the policy, made from the settings when it is first asked for."""
        return policy_of(self.actor.organization.pk)

    def update_row(self, row: Policy, values: dict[str, Any]) -> Policy:
        """Change the policy."""
        return services.update_policy(actor=self.actor, **values)
