"""Pages of what a commit holds: the cursor keeps the commit, whatever is published meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from apps.common.pagination import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    Cursor,
    CursorInvalid,
    cursor_link,
    cursor_scope,
    decode_cursor,
)
from apps.common.serializers import StrictSerializer, bound_fields
from apps.projects.models import Project
from apps.projects.reading.refs import COMMIT_ID, REF_MAX_CHARS, resolve


class Parameters(StrictSerializer):
    """Parameters of a query, with fields made once per class; none looks at `context`.

    DRF makes them anew for each request, twice, which takes a seventh of a listing.
    """

    @property
    def fields(self) -> Any:
        """Return the fields by name."""
        return bound_fields(type(self))


class RefParameters(Parameters):
    """At which ref is read."""

    ref = serializers.CharField(
        required=False,
        max_length=REF_MAX_CHARS,
        trim_whitespace=False,
        help_text="A branch, a tag, `archived/<n>`, `applied/<proposal id>` or a full commit id; by default "
        "the published head.",
    )


class CommitPageParameters(RefParameters):
    """Which page, and of which ref's commit."""

    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)
    cursor = serializers.CharField(required=False, help_text="From `next`; it keeps the commit.")


class CommitPageOut(serializers.Serializer[Any]):
    """What surrounds a page; `previous` is always null: these lists are walked forward."""

    commit = serializers.CharField(allow_null=True, help_text="Null where the repository is empty.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: in which commit, and past which place (None: at the first row)."""

    commit: str
    place: tuple[Any, ...] | None


def position_of(request: Request, project: Project, asked: dict[str, Any], parts: int) -> Position:
    """Return the position that a cursor or a ref names; a place has so many parts.

    Raises CursorInvalid, NotFound, NotLinked.
    """
    if "cursor" not in asked:
        return Position(resolve(project, asked.get("ref", "")).commit, None)
    commit, *place = decode_cursor(asked["cursor"], cursor_scope(request), parts + 1).values
    if not COMMIT_ID.fullmatch(commit):
        raise CursorInvalid
    return Position(commit, tuple(place))


def commit_page(
    request: Request,
    commit: str,
    rows: Sequence[Any],
    size: int,
    *,
    place: Callable[[Any], tuple[Any, ...]],
    show: Callable[[Sequence[Any]], Any],
) -> dict[str, Any]:
    """Return the answer of a page of `size` rows, of which one more was read if there are more."""
    following = Cursor((commit, *place(rows[size - 1]))) if len(rows) > size else None
    link = cursor_link(request, following, cursor_scope(request)) if following else None
    return {"commit": commit or None, "results": show(rows[:size]), "next": link, "previous": None}
