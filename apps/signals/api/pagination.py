"""Pages of signals: missing values come last, and every page costs the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.request import Request

from apps.common.pagination import Cursor, CursorPagination, SortKey, sort_keys
from apps.signals.models import Signal
from apps.signals.queries.pages import MissingLast, fetch_page


class MissingLastPagination(CursorPagination):
    """Short lists of signals by cursor."""

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the order that `-a,b` asks for, missing values last; raises Invalid."""
        *keys, tie = sort_keys(text, allowed)
        return [*(MissingLast(key.column, key.is_descending) for key in keys), tie]


class SignalPagination(MissingLastPagination):
    """The list of all signals by cursor, which may be very long."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of the signals that the view's filters select; queries as by `fetch_page`."""
        self.actor, self.selection = view.actor, view.selection
        return super().paginate_queryset(queryset, request, view)

    def fetch(
        self, queryset: Any, keys: Sequence[SortKey], cursor: Cursor | None, limit: int
    ) -> list[Signal]:
        """Return at most `limit` rows past the cursor, those before it nearest first."""
        return fetch_page(self.actor, self.selection, keys, cursor, limit)
