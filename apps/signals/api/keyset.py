"""Pages of what has no models: by the place of the last row, in the lists' usual shape."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rest_framework import serializers
from rest_framework.request import Request

from apps.common.pagination import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    Cursor,
    cursor_link,
    cursor_scope,
    decode_cursor,
)
from apps.common.serializers import StrictSerializer


class Placed(Protocol):
    """A row that knows where it stands in its list."""

    @property
    def place(self) -> tuple[Any, ...]:
        """Return the values by which the list is sorted."""


class PageParameters(StrictSerializer):
    """Which page of a list."""

    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)
    cursor = serializers.CharField(required=False, help_text="From `next`.")


class PageOut(serializers.Serializer[Any]):
    """The links of a page; `previous` is always null: these lists are walked forward."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


def place_of(request: Request, asked: dict[str, Any], length: int) -> Any:
    """Return the place past which a page begins, None for the first; raises CursorInvalid."""
    if "cursor" not in asked:
        return None
    return decode_cursor(asked["cursor"], cursor_scope(request), length).values


def page_of(
    request: Request,
    asked: dict[str, Any],
    rows: Sequence[Placed],
    show: Callable[[Sequence[Any]], Any],
) -> dict[str, Any]:
    """Return the answer of a page, of which one row more than asked for was read."""
    size = asked["page_size"]
    following = Cursor(tuple(rows[size - 1].place)) if len(rows) > size else None
    link = cursor_link(request, following, cursor_scope(request))
    return {"results": show(rows[:size]), "next": link, "previous": None}
