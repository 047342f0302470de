"""Lists by cursor: a signed position in the sort order, so that rows coming and going shift nothing."""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from apps.common.errors import FieldError, Invalid, Malformed

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200
COUNT_MAX = 10_000
SORT_FIELDS_MAX = 3
# These do not change which rows follow which, so a cursor stays good when they change.
FREE_PARAMETERS = frozenset({"cursor", "page_size", "count", "fields"})
LIST_PARAMETERS = frozenset({"cursor", "page_size", "count", "sort"})


class CursorInvalid(Malformed):
    """The cursor does not belong to this list.

    A cursor is good for the sort, the filters and the organization it was given out under. Start again
    without a cursor.
    """

    code = "request.cursor_invalid"


class SortableView(Protocol):
    """What a view declares: wire name -> column (or annotation) that the list may be sorted by."""

    sort_fields: Mapping[str, str]
    default_sort: str


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of the order."""

    column: str
    is_descending: bool

    def reversed(self) -> "SortKey":
        """Return the key that walks the other way."""
        return SortKey(self.column, not self.is_descending)

    @property
    def term(self) -> str:
        """Return the key as `order_by` takes it."""
        return f"-{self.column}" if self.is_descending else self.column

    def after(self, value: Any) -> Q | None:
        """Return the rows past `value`, None if there can be none.

        PostgreSQL sorts NULL last going up and first going down; so NULL counts as the largest value.
        """
        is_null = Q(**{f"{self.column}__isnull": True})
        if self.is_descending:
            return ~is_null if value is None else Q(**{f"{self.column}__lt": value})
        return None if value is None else Q(**{f"{self.column}__gt": value}) | is_null

    def at(self, value: Any) -> Q:
        """Return the rows that hold `value`."""
        return Q(**{f"{self.column}__isnull": True}) if value is None else Q(**{self.column: value})


@dataclass(frozen=True, slots=True)
class Cursor:
    """The sort values of the row at the page's edge, and which way the page lies."""

    values: tuple[Any, ...]
    is_backward: bool = False


class CursorPagination(BasePagination):
    """`{"results", "next", "previous"}`, with `count=true` also `count` and `count_capped`."""

    request: Request
    next_cursor: Cursor | None
    previous_cursor: Cursor | None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page. Issues one query, with a count two.

        Raises CursorInvalid, and Invalid for a wrong sort or size.
        """
        self.request = request
        self.scope = cursor_scope(request)
        self.counted = _count(queryset) if _flag(request, "count") else None
        keys = self.keys_of(request.query_params.get("sort", view.default_sort), view.sort_fields)
        cursor = self._cursor(len(keys))
        size = _page_size(request)
        rows = self.fetch(queryset, keys, cursor, size + 1)
        has_more, rows = len(rows) > size, rows[:size]
        if cursor and cursor.is_backward:
            rows.reverse()
        self._remember(rows, keys, cursor, has_more=has_more)
        return rows

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the order that `-a,b` asks for; raises Invalid."""
        return sort_keys(text, allowed)

    def fetch(self, queryset: Any, keys: Sequence[SortKey], cursor: Cursor | None, limit: int) -> list[Any]:
        """Return at most `limit` rows past the cursor, those before it nearest first."""
        return list(_window(queryset, keys, cursor)[:limit])

    def get_paginated_response(self, data: Any) -> Response:
        """Return the answer around a page."""
        body = {
            "results": data,
            "next": self._link(self.next_cursor),
            "previous": self._link(self.previous_cursor),
        }
        if self.counted is not None:
            body |= {"count": min(self.counted, COUNT_MAX), "count_capped": self.counted > COUNT_MAX}
        return Response(body)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the answer."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": link,
                "previous": link,
                "count": {"type": "integer", "description": "With count=true; at most 10,000."},
                "count_capped": {"type": "boolean", "description": "With count=true: there are more."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters."""
        sortable = ", ".join(view.sort_fields)
        term = f"-?({'|'.join(view.sort_fields)})"
        pattern = f"^{term}(,{term}){{0,{SORT_FIELDS_MAX - 1}}}$"
        return [
            _parameter(
                "page_size", {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAX, "default": PAGE_SIZE}
            ),
            _parameter("cursor", {"type": "string"}, "From `next` or `previous`."),
            _parameter("count", {"type": "boolean", "default": False}, "Count the rows, to 10,000."),
            _parameter(
                "sort",
                {"type": "string", "default": view.default_sort, "pattern": pattern},
                f"At most {SORT_FIELDS_MAX} of {sortable}, comma-separated, `-` for descending.",
            ),
        ]

    def _cursor(self, length: int) -> Cursor | None:
        text = self.request.query_params.get("cursor")
        return decode_cursor(text, self.scope, length) if text else None

    def _remember(
        self, rows: Sequence[Any], keys: Sequence[SortKey], cursor: Cursor | None, *, has_more: bool
    ) -> None:
        """Keep the edges that lead on: where more rows were seen, and where we came from."""
        is_backward = cursor is not None and cursor.is_backward
        leads_on = has_more if not is_backward else True
        leads_back = has_more if is_backward else cursor is not None
        self.next_cursor = Cursor(_values(rows[-1], keys)) if rows and leads_on else None
        self.previous_cursor = (
            Cursor(_values(rows[0], keys), is_backward=True) if rows and leads_back else None
        )

    def _link(self, cursor: Cursor | None) -> str | None:
        return cursor_link(self.request, cursor, self.scope)


def sort_keys(text: str, allowed: Mapping[str, str]) -> list[SortKey]:
    """Return the order that `-a,b` asks for, the id appended as the tie-break; raises Invalid."""
    names = [name.strip() for name in text.split(",")]
    known = [name.removeprefix("-") for name in names]
    if len(names) > SORT_FIELDS_MAX or len(set(known)) < len(known) or not set(known) <= allowed.keys():
        detail = f"Sort by at most {SORT_FIELDS_MAX} of: {', '.join(allowed)}."
        raise Invalid(errors=[FieldError(detail, code="sort_invalid", parameter="sort")])
    keys = [SortKey(allowed[name.removeprefix("-")], name.startswith("-")) for name in names]
    return [*keys, SortKey("pk", keys[-1].is_descending)]


def _window(queryset: QuerySet[Any], keys: Sequence[SortKey], cursor: Cursor | None) -> QuerySet[Any]:
    """Return the rows past the cursor, in the order in which they are fetched."""
    walked = walked_keys(keys, cursor)
    ordered = queryset.order_by(*(key.term for key in walked))
    return ordered.filter(rows_past(walked, cursor.values)) if cursor else ordered


def walked_keys(keys: Sequence[SortKey], cursor: Cursor | None) -> list[SortKey]:
    """Return the order in which a page is fetched: the list's own, or from its first row backwards."""
    return [key.reversed() for key in keys] if cursor and cursor.is_backward else list(keys)


def rows_past(keys: Sequence[SortKey], values: Sequence[Any]) -> Q:
    """Return the rows that follow `values`: larger in one column, equal in those before it."""
    found = Q(pk__in=[])
    equal = Q()
    for key, value in zip(keys, values, strict=True):
        after = key.after(value)
        if after is not None:
            found |= equal & after
        equal &= key.at(value)
    return found


def _values(row: Model, keys: Sequence[SortKey]) -> tuple[Any, ...]:
    return tuple(_attribute(row, key.column) for key in keys)


def _attribute(row: Any, column: str) -> Any:
    for name in column.split("__"):
        row = getattr(row, name) if row is not None else None
    return row


def _count(queryset: QuerySet[Any]) -> int:
    return queryset.order_by()[: COUNT_MAX + 1].count()


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise Invalid(errors=[FieldError("Write true or false.", parameter=name)])
    return text == "true"


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= PAGE_SIZE_MAX):
        detail = f"A page has 1 to {PAGE_SIZE_MAX} rows."
        raise Invalid(errors=[FieldError(detail, parameter="page_size")])
    return int(text)


def cursor_scope(request: Request) -> str:
    """Return the digest of what a cursor is bound to: address, sort, filters, organization."""
    # What was put on DRF's own request: a page's actor would show through in a list of no organization.
    actor = vars(request).get("actor")
    bound = sorted(
        (name, values) for name, values in request.query_params.lists() if name not in FREE_PARAMETERS
    )
    organization = str(actor.organization.pk) if actor else ""
    return hashlib.sha256(json.dumps([request.path, bound, organization]).encode()).hexdigest()


def cursor_link(request: Request, cursor: Cursor | None, scope: str) -> str | None:
    """Return the address of the page that a cursor leads to."""
    url = remove_query_param(request.build_absolute_uri(), "cursor")
    return replace_query_param(url, "cursor", encode_cursor(cursor, scope)) if cursor else None


def encode_cursor(cursor: Cursor, scope: str) -> str:
    """Return a cursor as text, signed for its scope; its values are JSON values, instants and ids."""
    values = [_to_json(value) for value in cursor.values]
    return _signer(scope).sign_object({"v": values, "b": cursor.is_backward}, compress=True)


def decode_cursor(text: str, scope: str, length: int) -> Cursor:
    """Return the cursor of a text; raises CursorInvalid unless it was signed for the scope."""
    try:
        found = _signer(scope).unsign_object(text)
        values = tuple(_from_json(value) for value in found["v"])
    except (BadSignature, ValueError, KeyError, TypeError) as error:
        raise CursorInvalid from error
    if len(values) != length:
        raise CursorInvalid
    return Cursor(values, is_backward=found["b"])


def _signer(scope: str) -> Signer:
    return Signer(salt=f"sextant.cursor.{scope}")


def _to_json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {"t": value.isoformat()}
    return {"u": value.hex} if isinstance(value, uuid.UUID) else value


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return dt.datetime.fromisoformat(value["t"]) if "t" in value else uuid.UUID(hex=value["u"])


def _parameter(name: str, schema: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": dict(schema),
        "description": description,
    }
