"""Everything about one cell: what the map's card and panel show."""

from dataclasses import replace
from typing import Any

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries.aggregate import GroupBy
from apps.datasets.queries.cells import BASE_RESOLUTION
from apps.datasets.queries.selections import Descendants, Selection
from apps.datasets.queries.timeline import Bucket
from apps.spatial.cell_tables import CellTable, merge_cells
from apps.spatial.formats import cell_rows, citation
from apps.spatial.geometry import outlines
from apps.spatial.hexes import Plan, read_groups, reading_events
from apps.spatial.timeline import read_timeline


def cell_facts(plan: Plan, cell: int) -> dict[str, Any]:
    """Return the facts of a cell, which has the plan's resolution; the plan's selection decides the rank.

    Six queries for each dataset; five where the rank is out of reach.
    """
    resolution = plan.resolution
    own = Descendants((cell,))
    with reading_events():
        table = _table(plan, own, resolution, by=GroupBy.CATEGORY)
        months = read_timeline(plan.scopes, own, resolution, Bucket.MONTH)
        neighbours = sorted(set(h3.grid_disk(cell, 1)) - {cell})
        children = h3.cell_to_children(cell, resolution + 1) if resolution < BASE_RESOLUTION else []
        facts = _row(table, plan, cell)
        return {
            **citation(plan.query, plan.sources, plan.window),
            "resolution": resolution,
            **facts,
            "partial_events": table.partial_events,
            "excluded_no_time": table.excluded_no_time,
            "suppressed": False,
            "months": [{"month": row["label"], "count": row["count"]} for row in months.buckets],
            "unplaced": months.unplaced,
            "rank": _rank(plan, cell, facts["count"]),
            "children": _counts(plan, sorted(children), resolution + 1),
            "neighbours": _counts(plan, neighbours, resolution),
            "outline": outlines(np.array([cell], np.int64))[0][0],
        }


def _table(plan: Plan, selection: Selection, resolution: int, *, by: GroupBy) -> CellTable:
    """Return the cells of another selection at another resolution, under the plan's filters."""
    with_names = by is GroupBy.CATEGORY
    query = replace(plan.query, selection=selection)
    near = replace(plan, query=query, resolution=resolution)
    groups = [read_groups(near, scope, by, with_value=with_names) for scope in plan.scopes]
    labels = None
    if with_names:
        labels = [read_groups(near, scope, GroupBy.LABEL, with_value=False) for scope in plan.scopes]
    return merge_cells(plan.scopes, groups, labels=labels, with_categories=with_names, with_value=with_names)


def _row(table: CellTable, plan: Plan, cell: int) -> dict[str, Any]:
    """Return the cell as the hexagon call shows it; an empty cell is one without events."""
    rows = cell_rows(table, plan.query.level)
    empty = {"h3": h3.int_to_str(cell), "count": 0, "categories": {}, "labels": {}, "value": None}
    return rows[0] if rows else empty


def _counts(plan: Plan, cells: list[int], resolution: int) -> list[dict[str, Any]]:
    """Return the count of each of the cells, 0 where there is no event."""
    if not cells:
        return []
    table = _table(plan, Descendants(tuple(cells)), resolution, by=GroupBy.NOTHING)
    found = dict(zip(table.cells.tolist(), table.counts.tolist(), strict=True))
    return [{"h3": h3.int_to_str(cell), "count": found.get(cell, 0)} for cell in cells]


def _rank(plan: Plan, cell: int, count: int) -> int | None:
    """Return the cell's place among the selected ones, 1 for the most events, equal counts sharing it.

    None for a cell without events or outside the selection, and where the selection has too many cells.
    """
    is_selected = bool(plan.query.selection.contains(np.array([cell], np.int64))[0])
    if not count or not is_selected or plan.estimate.at(plan.resolution) > plan.estimate.limit:
        return None
    table = _table(plan, plan.query.selection, plan.resolution, by=GroupBy.NOTHING)
    return 1 + int(np.count_nonzero(table.counts > count))
