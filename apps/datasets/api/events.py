"""The endpoints of single events: a list in the order cell, time, number, and one by its id."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import h3.api.basic_int as h3
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.pagination import Cursor, CursorPagination, SortKey
from apps.common.serializers import TimeField
from apps.common.viewsets import ResourceViewSet
from apps.datasets.api.event_parameters import EventParameters, EventQuestion, event_question
from apps.datasets.api.views import visible_dataset
from apps.datasets.models import Dataset, Event, Version
from apps.datasets.queries.event_rows import EventKey, Walk
from apps.datasets.queries.events import EventRecord, event_page, find_event
from apps.datasets.queries.scopes import open_scope
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.versions import readable_version
from apps.datasets.reading.cells import E7
from apps.datasets.reading.rows import Precision

EVENT_ID: Final = re.compile(r"([1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})")
NOTE: Final = "The files that hold the id, properties and provenance cannot be read now."
# The version first: a cursor goes on in the version that it began with.
KEYS: Final = ("version_no", "cell", "occurred_at", "segment_no", "event_no")
PLACE: Final = {"type": "string", "pattern": "^[1-9][0-9]{0,8}-(0|[1-9][0-9]{0,8})$"}


class GeoEventProvenanceOut(serializers.Serializer[Any]):
    """Where an event was read from."""

    file = serializers.CharField(allow_null=True)
    line = serializers.IntegerField(allow_null=True, help_text="Physical line; null where a file has none.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `import` is a word of Python and cannot be declared like the others."""
        return {"import": serializers.UUIDField(source="import_id", allow_null=True), **super().get_fields()}


class GeoEventOut(serializers.Serializer[Any]):
    """One event; id, properties and provenance are null where the file storage is away, with a note."""

    id = serializers.CharField()
    occurred_at = TimeField()
    precision = serializers.SerializerMethodField()
    latitude = serializers.SerializerMethodField()
    longitude = serializers.SerializerMethodField()
    cell = serializers.SerializerMethodField()
    category = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    external_id = serializers.CharField(allow_null=True)
    properties = serializers.DictField(allow_null=True)
    provenance = GeoEventProvenanceOut(allow_null=True)
    note = serializers.SerializerMethodField()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `label` is a word of serializers."""
        return {**super().get_fields(), "label": serializers.CharField(allow_null=True)}

    def get_precision(self, event: EventRecord) -> str:
        """Return instant, day, month or year."""
        return Precision(event.precision).name.lower()

    def get_latitude(self, event: EventRecord) -> float:
        """Return degrees north."""
        return event.lat_e7 / E7

    def get_longitude(self, event: EventRecord) -> float:
        """Return degrees east."""
        return event.lon_e7 / E7

    def get_cell(self, event: EventRecord) -> str:
        """Return the cell at resolution 11."""
        return str(h3.int_to_str(event.cell))

    @extend_schema_field({"type": "string", "nullable": True})
    def get_note(self, event: EventRecord) -> str | None:
        """Say why the rest of the row is missing."""
        return None if event.is_whole else NOTE


class EventPagination(CursorPagination):
    """Pages straight from the event table."""

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the one order there is."""
        return [SortKey(name, is_descending=False) for name in KEYS]

    def fetch(self, queryset: Any, keys: Sequence[SortKey], cursor: Cursor | None, limit: int) -> list[Any]:
        """Return at most `limit` events past the cursor; raises VersionGone once its version is dropped."""
        dataset, question = queryset
        version = _version(dataset, question, cursor)
        vocabulary = load_vocabularies([dataset.no])[dataset.no]
        scope = open_scope(dataset, version, question.filters, vocabulary)
        after = EventKey(*cursor.values[1:]) if cursor else None
        is_backward = cursor is not None and cursor.is_backward
        page = event_page(scope, question.near, Walk(limit, after, is_backward=is_backward))
        return page[::-1] if is_backward else page

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters: there is one order, and events are not counted."""
        described = super().get_schema_operation_parameters(view)
        return [each for each in described if each["name"] in {"page_size", "cursor"}]


@extend_schema(parameters=[OpenApiParameter("dataset_id", {"type": "string", "format": "uuid"}, "path")])
class EventViewSet(ResourceViewSet[Event]):
    """Single events of a version, as they were accepted."""

    queryset = Event.objects.none()
    offers = ("list", "retrieve")
    permission = "datasets.export"
    serializer_class = GeoEventOut
    pagination_class = EventPagination
    filter_backends: Any = ()
    query_serializer_classes = {"list": EventParameters}
    lookup_field = "event_id"
    lookup_value_regex = "[^/.]+"

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters."""
        paging = {"page_size", "cursor", "fields"} if self.action == "list" else {"fields"}
        return super().known_parameters() - {"sort", "count"} | paging

    @extend_schema(parameters=[EventParameters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one page in the order cell, time, number; a cursor stays in the version it began with."""
        dataset = visible_dataset(self.actor, self.kwargs["dataset_id"])
        question = event_question(self.validated_query())
        page = self.paginate_queryset((dataset, question))
        return self.get_paginated_response(self.answer(page, many=True))

    @extend_schema(parameters=[OpenApiParameter("event_id", PLACE, OpenApiParameter.PATH)])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one event of a version that is kept."""
        dataset = visible_dataset(self.actor, self.kwargs["dataset_id"])
        found = EVENT_ID.fullmatch(self.kwargs["event_id"])
        if found is None:
            raise NotFound
        return Response(self.answer(find_event(dataset, int(found[1]), int(found[2]))))


def _version(dataset: Dataset, question: EventQuestion, cursor: Cursor | None) -> Version:
    number = cursor.values[0] if cursor else question.version
    if number is not None:
        return readable_version(dataset, number)
    if dataset.current_version is None:
        raise NotFound("The dataset has no version yet.")
    return dataset.current_version
