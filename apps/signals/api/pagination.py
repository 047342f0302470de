"""Pages of signals: missing values come last, and every page costs the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.common.pagination import Cursor, CursorPagination, SortKey, sort_keys
from apps.signals.models import Signal
from apps.signals.queries.pages import NEAR_ROWS, NEAR_ROWS_OF_WORDS, MissingLast, fetch_page


class SignalPagination(CursorPagination):
    """Lists of signals by cursor."""

    def keys_of(self, text: str, allowed: Mapping[str, str]) -> list[SortKey]:
        """Return the order that `-a,b` asks for, missing values last; raises Invalid."""
        *keys, tie = sort_keys(text, allowed)
        return [*(MissingLast(key.column, key.is_descending) for key in keys), tie]

    def fetch(
        self, queryset: Any, keys: Sequence[SortKey], cursor: Cursor | None, limit: int
    ) -> list[Signal]:
        """Return at most `limit` rows past the cursor, those before it nearest first."""
        is_search = "search" in self.request.query_params
        return fetch_page(
            queryset,
            keys,
            cursor,
            limit,
            organization_id=self.request.actor.organization.pk,  # type: ignore[attr-defined]
            near_rows=NEAR_ROWS_OF_WORDS if is_search else NEAR_ROWS,
        )
