"""What tiles and heatmaps show: the cells around a tile, or those with their centre in it."""

from dataclasses import replace
from enum import StrEnum
from typing import Final

import numpy as np
from django.conf import settings

from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.cells import HALF_TURN, POLE
from apps.datasets.queries.selections import Box, Selection
from apps.spatial.cell_tables import CellTable
from apps.spatial.hexes import HexAnswer, aggregate_hexes, plan_hexes
from apps.spatial.sources import HexQuery, Source
from apps.spatial.tiles import encode_cells
from apps.spatial.tiles.addresses import MAX_LATITUDE, Tile

# At a resolution finer than the zoom's own.
MAX_TILE_CELLS: Final = 10_000


class Measure(StrEnum):
    """What the `value` of a tile's cell is."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"


def draw_tile(
    query: HexQuery, sources: tuple[Source, ...], tile: Tile, measure: Measure
) -> tuple[bytes, int]:
    """Return the encoded tile and its cells: all that touch it or its buffer, with their full counts.

    No bytes without any cell. Raises what `plan_hexes` and `aggregate_hexes` raise.
    """
    resolution = query.resolution or tile.resolution
    include = frozenset[str]() if measure is Measure.COUNT else frozenset({"value"})
    answer = read_cells(query, sources, tile, tile.surroundings(resolution), include)
    table = answer.table
    return encode_cells(tile, table.cells, {"count": table.counts, "value": _measured(table, measure)})


def read_cells(
    query: HexQuery, sources: tuple[Source, ...], tile: Tile, selection: Selection, include: frozenset[str]
) -> HexAnswer:
    """Return the selected cells at the question's resolution or the zoom's own."""
    resolution = query.resolution or tile.resolution
    limit = MAX_TILE_CELLS if resolution > tile.resolution else settings.SPATIAL_MAX_CELLS
    narrowed = replace(query, selection=selection, resolution=resolution, include=include)
    return aggregate_hexes(plan_hexes(narrowed, sources, limit))


def count_outside(query: HexQuery, sources: tuple[Source, ...]) -> int:
    """Return the events of cells whose centre lies in no tile, at the question's resolution or the coarsest."""
    resolution = query.resolution or Tile.at(0, 0, 0).resolution
    limit = settings.SPATIAL_MAX_CELLS_COMPACT
    total = 0
    for south, north in ((-POLE, -MAX_LATITUDE), (MAX_LATITUDE, POLE)):
        polar = Box(-HALF_TURN, south, HALF_TURN, north)
        narrowed = replace(query, selection=polar, resolution=resolution, include=frozenset[str]())
        total += aggregate_hexes(plan_hexes(narrowed, sources, limit)).table.events
    return total


def _measured(table: CellTable, measure: Measure) -> Int64s | Floats:
    """Return the measure of each cell; NaN where no event has a value."""
    if measure is Measure.COUNT or table.values is None:
        return table.counts
    shown = table.values.total if measure is Measure.SUM else table.values.mean
    return np.where(table.values.n > 0, shown, np.nan)
