"""One page of a list of signals, by keyset, in two statements: whose ids, then their rows.

Whatever filters and order meet, few rows are looked at. Most pages end soon when the index of the order is
walked, so a thousand entries of it are tried first, no more of them than the page takes. Where that finds
too few (rare values, or values that lie at the other end of the order), all rows are filtered, which the
index `signals_by_facets` answers without touching the table, and the best are kept.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, UUIDField, Value
from psycopg import sql

from apps.accounts.permissions import Actor
from apps.common.pagination import Cursor, SortKey, rows_past, walked_keys
from apps.common.prepared import Open, Prepared
from apps.signals.models import Signal
from apps.signals.queries.listing import shown_alone
from apps.signals.queries.selections import Selection, select_signals, selected_types
from apps.signals.rules.inputs import SignalType as RuleType
from apps.signals.rules.table import SEVERITY_RANGES

# Entries of the order's index that are tried first.
NEAR_ROWS: Final = 1_000
NULLABLE: Final = frozenset({"facility_name", "variance_percent", "percentile_rank", "encounters"})
# What the page is taken from goes by the name of the table, so that the filters need not know.
_NEAR: Final = sql.SQL("WITH signals_signal AS ({near}) {filtered}")
_BEST: Final = sql.SQL("SELECT id FROM ({rows} OFFSET 0) AS found ({columns}) ORDER BY {order} LIMIT {limit}")


@dataclass(frozen=True, slots=True)
class MissingLast(SortKey):
    """One column of the order: missing values come last, whichever way it is sorted."""

    is_missing_last: bool = True

    def reversed(self) -> "MissingLast":
        """Return the key that walks the other way."""
        return MissingLast(self.column, not self.is_descending, not self.is_missing_last)

    def after(self, value: Any) -> Q | None:
        """Return the rows past `value`, None if there can be none."""
        is_missing = Q(**{f"{self.column}__isnull": True})
        if value is None:
            return None if self.is_missing_last else ~is_missing
        beyond = Q(**{f"{self.column}__{'lt' if self.is_descending else 'gt'}": value})
        return beyond | is_missing if self.is_missing_last and self.column in NULLABLE else beyond


def fetch_page(
    actor: Actor, selection: Selection, keys: Sequence[SortKey], cursor: Cursor | None, limit: int
) -> list[Signal]:
    """Return at most `limit` signals of a selection past the cursor, as lists show them.

    Those before the cursor come nearest first. keys end with the primary key. Issues two queries, three where
    the order's index did not lead far.
    """
    walked = walked_keys(keys, cursor)
    ids = _near_ids(actor, selection, walked, cursor, limit)
    if len(ids) < limit:
        ids = _best_ids(select_signals(actor, selection), walked, cursor, limit)
    found = {row.pk: row for row in _SHOWN.rows(ids=ids)}
    return [found[pk] for pk in ids if pk in found]


def _near_ids(
    actor: Actor, selection: Selection, keys: Sequence[SortKey], cursor: Cursor | None, limit: int
) -> list[uuid.UUID]:
    """Return what a selection has among the first entries of the order's index; none for several columns."""
    if len(keys) > 2:  # noqa: PLR2004 - a column and the tie-break: no index has more
        return []
    near = _near(keys, cursor, Signal.objects.visible_to(actor)).filter(_span(selection, keys[0].column))
    rows = select_signals(actor, selection, has_index_of_words=False)
    found = rows.order_by(*(key.term for key in keys)).values_list("pk", flat=True)[:limit]
    try:
        inner, inner_parameters = near[:NEAR_ROWS].query.sql_with_params()
        outer, outer_parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return []
    statement = _NEAR.format(near=sql.SQL(inner), filtered=sql.SQL(outer))
    return _read_ids(statement, [*inner_parameters, *outer_parameters])


def _near(keys: Sequence[SortKey], cursor: Cursor | None, rows: QuerySet[Signal]) -> QuerySet[Signal]:
    """Return the rows that follow the cursor by one column, in its index's order.

    They end where the missing values begin, or these where others follow.
    """
    lead, tie = keys
    if cursor is not None and cursor.values[0] is None:
        beyond = Q(**{f"{lead.column}__isnull": True}) & (tie.after(cursor.values[1]) or Q())
        return rows.filter(beyond).order_by(tie.term)
    if lead.column in NULLABLE:
        rows = rows.filter(**{f"{lead.column}__isnull": False})
    if cursor is not None:
        rows = rows.filter(_follows(lead, cursor.values))
    return rows.order_by(lead.term, tie.term)


def _span(selection: Selection, column: str) -> Q:
    """Return within which values of a column a selection lies, as far as it says so."""
    found = Q(**{name: value for name, value in selection.bounds.items() if name.startswith(f"{column}__")})
    named = selection.texts.get(column, ())
    if len(named) == 1:
        found &= Q(**{column: named[0]})
    types = selected_types(selection)
    if column == "severity" and types:
        ranges = [SEVERITY_RANGES[RuleType(name)] for name in types]
        found &= Q(severity__gte=min(low for low, _ in ranges), severity__lte=max(high for _, high in ranges))
    return found


def _best_ids(
    rows: QuerySet[Signal], keys: Sequence[SortKey], cursor: Cursor | None, limit: int
) -> list[uuid.UUID]:
    """Return the ids of the first rows past the cursor, of all rows that pass the filters."""
    past = rows.filter(rows_past(keys, cursor.values)) if cursor is not None else rows
    columns = [key.column for key in keys[:-1]]
    try:
        inner, parameters = past.order_by().values_list("pk", *columns).query.sql_with_params()
    except EmptyResultSet:
        return []
    statement = _BEST.format(
        rows=sql.SQL(inner),
        columns=sql.SQL(", ").join(map(sql.Identifier, ["id", *columns])),
        order=sql.SQL(", ").join(map(_term, keys)),
        limit=sql.Literal(limit),
    )
    return _read_ids(statement, parameters)


def _read_ids(statement: sql.Composable, parameters: Sequence[Any]) -> list[uuid.UUID]:
    with connection.cursor() as database:
        database.execute(statement, parameters)
        return [pk for (pk,) in database.fetchall()]


def _term(key: SortKey) -> sql.Composable:
    """Return a key of `_best_ids` in SQL."""
    direction = sql.SQL("DESC" if key.is_descending else "ASC")
    if not isinstance(key, MissingLast):
        return sql.SQL("id {}").format(direction)
    missing = sql.SQL("LAST" if key.is_missing_last else "FIRST")
    return sql.SQL("{} {} NULLS {}").format(sql.Identifier(key.column), direction, missing)


class _Pair(Func):
    """Two columns or values as one, compared from left to right: an index of both is entered at the place."""

    template = "(%(expressions)s)"
    output_field = TextField()


class _Compared(Func):
    """One pair beside another."""

    template = "%(expressions)s"
    output_field = BooleanField()


def _follows(lead: SortKey, values: Sequence[Any]) -> _Compared:
    place = _Pair(Value(values[0]), Value(values[1], output_field=UUIDField()))
    sign = " < " if lead.is_descending else " > "
    return _Compared(_Pair(F(lead.column), F("pk")), place, arg_joiner=sign)


class _IsAmong(Func):
    """Whether a column holds one of an array's values: one parameter, however many they are."""

    arg_joiner = " = ANY("
    template = "%(expressions)s)"
    output_field = BooleanField()


def _rows_of(ids: Open) -> QuerySet[Signal]:
    return shown_alone(Signal.objects.filter(_IsAmong(F("pk"), ids)))


# A hundred columns of five tables: to make the statement takes longer than to run it.
_SHOWN: Final = Prepared(_rows_of, "ids")
