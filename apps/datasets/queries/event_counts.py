"""How many events an export will have, before it begins."""

from django.db import connection
from psycopg import sql

from apps.datasets.queries.scan import is_timed, scan
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Selection


def most_events(scope: Scope, selection: Selection, resolution: int, *, enough: int) -> int:
    """Return a number that the selected events do not exceed; exact but for the edge of the selection.

    One query, and none where the segments hold no more than `enough`.
    """
    if scope.rows <= enough:
        return scope.rows
    events = scan(scope, selection.ranges(resolution), sql.SQL("{} AS timed").format(is_timed(scope)))
    if events is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM ({}) AS events WHERE timed").format(events))
        row = cursor.fetchone()
    return int(row[0]) if row else 0
