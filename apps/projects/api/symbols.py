"""The endpoint of symbols: definitions in published files, by name."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.common.filters import SEARCH_MAX_LENGTH, StrictFilterSet, any_text
from apps.common.pagination import CursorPagination, SortKey, sort_keys
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.api.symbols_serializers import SymbolOut
from apps.projects.models import Symbol
from apps.projects.queries.symbols import called, listed_symbols

PATH_CHARS = 4_096


class SymbolFilter(StrictFilterSet):
    """Symbols by how their name begins, by file or folder, by kind."""

    search = django_filters.CharFilter(method="by_name", max_length=SEARCH_MAX_LENGTH)
    path = django_filters.CharFilter(method="as_it_is", max_length=PATH_CHARS)
    kind = any_text("kind")

    class Meta:
        model = Symbol
        fields: list[str] = []

    def by_name(self, rows: QuerySet[Symbol, Any], _name: str, value: str) -> QuerySet[Symbol, Any]:
        """Narrow to the symbols that are called so."""
        return called(rows, value)

    def as_it_is(self, rows: QuerySet[Symbol, Any], _name: str, _value: str) -> QuerySet[Symbol, Any]:
        """Return the rows: the view narrows by path, because the answer shows the path that was found."""
        return rows


class SymbolPagination(CursorPagination):
    """Pages of symbols, whose key has four columns; the answer says which commit the index is of."""

    def keys_of(self, text: str, allowed: Any) -> list[SortKey]:
        """Return the order that is asked for; raises Invalid."""
        *asked, _of_one_column = sort_keys(text, allowed)
        is_descending = asked[-1].is_descending
        return [*asked, SortKey("blob", is_descending), SortKey("ordinal", is_descending)]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the answer."""
        found = super().get_paginated_response_schema(schema)
        commit = {"type": "string", "nullable": True, "description": "The published commit that is indexed."}
        return found | {
            "required": [*found["required"], "index_commit"],
            "properties": found["properties"] | {"index_commit": commit},
        }


@extend_schema(parameters=[PROJECT])
class SymbolViewSet(ProjectPartViewSet[Symbol]):
    """Definitions in the published files, by name."""

    queryset = Symbol.objects.all()
    offers = ("list",)
    serializer_class = SymbolOut
    filterset_class = SymbolFilter
    pagination_class = SymbolPagination
    sort_fields = {"name": "sort_name"}
    default_sort = "name"

    def get_queryset(self) -> QuerySet[Symbol, Any]:
        """Return the symbols of the project in the address."""
        if getattr(self, "swagger_fake_view", False):
            return Symbol.objects.none()
        return listed_symbols(self.project, path=self.request.query_params.get("path", ""))

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """Return a page, with the commit that the index is of."""
        response = super().get_paginated_response(data)
        mirror = getattr(self.project, "mirror", None)
        response.data["index_commit"] = (mirror.index_commit or None) if mirror is not None else None
        return response
