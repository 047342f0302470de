"""The calls that read points: series by bucket, and the points of one metric."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from apps.common import etags
from apps.common.errors import named_by_pointer
from apps.common.negotiation import FormatNegotiation
from apps.common.pagination import Cursor, cursor_link, cursor_scope, decode_cursor
from apps.common.viewsets import ResourceViewSet
from apps.metrics.api.query_parameters import PointParameters, QueryBody, QueryParameters, series_query
from apps.metrics.api.query_serializers import PointsOut, SeriesAnswerOut
from apps.metrics.calendar.windows import instant_us
from apps.metrics.doors.measuring import timed_answer
from apps.metrics.models import Metric
from apps.metrics.queries.answers import Asked
from apps.metrics.queries.formats import MEDIA_TYPES, Times
from apps.metrics.queries.points import Place, encode_points, read_points
from apps.metrics.queries.series import plan_query

PLACE_PARTS = 3


class CsvRenderer(JSONRenderer):
    """Stands for `format=csv` in the choice of a format."""

    media_type = "text/csv"
    format = "csv"


class QueryViewSet(ResourceViewSet[Metric]):
    """Series of the organization's metrics."""

    queryset = Metric.objects.all()
    permission = "metrics.view"
    serializer_class = SeriesAnswerOut
    renderer_classes = (JSONRenderer, CsvRenderer)
    content_negotiation_class = FormatNegotiation
    remembers_answers = False
    reading_actions = frozenset({"by_body"})
    query_serializer_classes = {"by_parameters": QueryParameters}

    @extend_schema(
        operation_id="metrics_query",
        responses={(200, "application/json"): SeriesAnswerOut, (200, "text/csv"): str},
    )
    def by_parameters(self, request: Request) -> HttpResponse:
        """Answer series by bucket."""
        asked = self._asked(self.validated_query())
        if etags.is_fresh(request, asked.etag):
            return HttpResponse(headers={"ETag": asked.etag})
        with timed_answer():
            answer = asked.answer()
        return HttpResponse(answer.body, content_type=answer.media_type, headers={"ETag": asked.etag})

    @extend_schema(
        operation_id="metrics_query_by_body",
        request=QueryBody,
        responses={(200, "application/json"): SeriesAnswerOut, (200, "text/csv"): str},
    )
    def by_body(self, request: Request) -> HttpResponse:
        """Answer the same to fields in JSON, for questions that are too long for an address."""
        values = self.validated(QueryBody)
        with named_by_pointer(), timed_answer():
            answer = self._asked(values).answer()
        return HttpResponse(answer.body, content_type=answer.media_type)

    def _asked(self, values: Mapping[str, Any]) -> Asked:
        plan = plan_query(actor=self.actor, query=series_query(values), now=timezone.now())
        form = values.get("format") or self.request.accepted_renderer.format
        return Asked.of(plan, form, Times(values["times"]))


class PointViewSet(ResourceViewSet[Metric]):
    """The points of one metric."""

    queryset = Metric.objects.all()
    permission = "metrics.view"
    serializer_class = PointsOut
    query_serializer_classes = {"points": PointParameters}

    @extend_schema(operation_id="metrics_points", responses=PointsOut)
    def points(self, request: Request, pk: str) -> HttpResponse:
        """Answer a page of the metric's points by time and value; equal points are all kept."""
        metric = self.get_object()
        values = self.validated_query()
        scope = cursor_scope(request)
        cursor = decode_cursor(values["cursor"], scope, PLACE_PARTS) if "cursor" in values else None
        page = read_points(
            metric,
            start=values.get("from"),
            end=values.get("to"),
            now_us=instant_us(timezone.now()),
            size=values["page_size"],
            place=Place(*cursor.values) if cursor else None,
            is_backward=cursor is not None and cursor.is_backward,
        )
        links = {
            "next": cursor_link(request, _cursor(page.next), scope),
            "previous": cursor_link(request, _cursor(page.previous, is_backward=True), scope),
        }
        body = encode_points(page, links)
        return HttpResponse(body, content_type=MEDIA_TYPES["json"], headers={"ETag": etags.strong_etag(body)})


def _cursor(place: Place | None, *, is_backward: bool = False) -> Cursor | None:
    if place is None:
        return None
    return Cursor((place.at, place.value, place.equals), is_backward=is_backward)
