"""The hexagon answer: counts and statistics by cell over one or several datasets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from django.db import OperationalError, ProgrammingError
from psycopg.errors import QueryCanceled, UndefinedTable

from apps.common.errors import Invalid
from apps.datasets.queries.aggregate import GroupBy, Groups, aggregate_cells
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Descendants
from apps.datasets.queries.versions import VersionGone
from apps.spatial.cell_tables import CellTable, merge_cells
from apps.spatial.estimates import TOLERANCE, Estimate, estimate_cells
from apps.spatial.sources import HexQuery, Source, open_scopes


class TooExpensive(Invalid):
    """The question takes longer than the installation allows.

    Ask for a smaller area, a shorter window, fewer datasets or coarser cells.
    """

    code = "spatial.too_expensive"


# The window in UTC, [start, end): the widest over the datasets' zones; None is open.
AskedWindow = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class HexAnswer:
    """Cells at one resolution with the citation of what they were computed from."""

    query: HexQuery
    sources: tuple[Source, ...]
    window: AskedWindow
    resolution: int
    table: CellTable


@dataclass(frozen=True, slots=True)
class Plan:
    """A question that is known to be answerable: its scopes, resolution and limit."""

    query: HexQuery
    sources: tuple[Source, ...]
    scopes: tuple[Scope, ...]
    estimate: Estimate
    resolution: int

    @property
    def window(self) -> AskedWindow:
        """Return the window that was asked for."""
        starts = [scope.span.start for scope in self.scopes]
        ends = [scope.span.end for scope in self.scopes]
        return least(starts), greatest(ends)


def plan_hexes(query: HexQuery, sources: tuple[Source, ...], limit: int) -> Plan:
    """Open the scopes and choose the resolution; nothing is read from the event table.

    Raises CategoryUnknown, LabelUnknown. Queries: the vocabularies and each manifest.
    """
    scopes = open_scopes(sources, query)
    estimate = estimate_cells(sources, scopes, query.selection, limit)
    resolution = query.resolution
    if resolution is None:
        resolution = max(estimate.default_resolution, _coarsest_allowed(query))
    return Plan(query, sources, tuple(scopes), estimate, resolution)


def aggregate_hexes(plan: Plan) -> HexAnswer:
    """Return the cells.

    Raises TooManyCells by the estimate or by the result, TooExpensive over the statement time. One query for
    each dataset, two when labels are included.
    """
    plan.estimate.check(plan.resolution)
    include = plan.query.include
    with_value = "value" in include
    by = GroupBy.CATEGORY if "categories" in include else GroupBy.NOTHING
    with reading_events():
        groups = [read_groups(plan, scope, by, with_value=with_value) for scope in plan.scopes]
        labels = None
        if "labels" in include:
            labels = [read_groups(plan, scope, GroupBy.LABEL, with_value=False) for scope in plan.scopes]
    table = merge_cells(
        plan.scopes, groups, labels=labels, with_categories="categories" in include, with_value=with_value
    )
    if table.cells.size > TOLERANCE * plan.estimate.limit:
        raise plan.estimate.error(int(table.cells.size))
    return HexAnswer(plan.query, plan.sources, plan.window, plan.resolution, table)


def read_groups(plan: Plan, scope: Scope, by: GroupBy, *, with_value: bool) -> Groups:
    """Return one dataset's groups; raises TooManyCells when there are more than the limit can hold."""
    terms = scope.vocabulary.labels if by is GroupBy.LABEL else scope.vocabulary.categories
    per_cell = 1 if by is GroupBy.NOTHING else len(terms) + 1
    most = ceil(TOLERANCE * plan.estimate.limit) * per_cell
    groups = aggregate_cells(
        scope, plan.query.selection, plan.resolution, by=by, with_value=with_value, max_groups=most + 1
    )
    if groups.cell.size > most:
        raise plan.estimate.error(int(groups.cell.size) // per_cell)
    return groups


@contextmanager
def reading_events() -> Iterator[None]:
    """Raise TooExpensive at the statement time, VersionGone for a partition dropped under the reader."""
    try:
        yield
    except ProgrammingError as error:
        # Partitions are named outright; one that is gone belonged to a version that was just dropped.
        if isinstance(error.__cause__, UndefinedTable):
            raise VersionGone from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooExpensive from error
        raise


def _coarsest_allowed(query: HexQuery) -> int:
    """Return the finest resolution among the selected cells: their descendants are asked for."""
    return query.selection.finest_root if isinstance(query.selection, Descendants) else 0


def least(instants: Sequence[datetime | None]) -> datetime | None:
    """Return the earliest start; None, which is open, if one is."""
    return None if None in instants else min(instant for instant in instants if instant is not None)


def greatest(instants: Sequence[datetime | None]) -> datetime | None:
    """Return the latest end; None, which is open, if one is."""
    return None if None in instants else max(instant for instant in instants if instant is not None)
