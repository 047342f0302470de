"""What tiles and heatmaps show: the cells around a tile, or those with their centre in it."""

from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from django.conf import settings

from apps.common.serializers import rfc3339
from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.cells import HALF_TURN, POLE, centres
from apps.datasets.queries.selections import Box, Selection
from apps.spatial.cell_tables import CellTable
from apps.spatial.formats import cell_rows, citation
from apps.spatial.geometry import DECIMALS, outlines
from apps.spatial.hexes import HexAnswer, aggregate_hexes, plan_hexes
from apps.spatial.sources import HexQuery, Source
from apps.spatial.tiles import encode_cells
from apps.spatial.tiles.addresses import MAX_LATITUDE, Tile

# At a resolution finer than the zoom's own.
MAX_TILE_CELLS: Final = 10_000
SECONDS_PER_HOUR: Final = 3_600


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


def read_heatmap(query: HexQuery, sources: tuple[Source, ...], tile: Tile) -> tuple[dict[str, Any], int]:
    """Return the cells whose centre lies in the tile as a document, and how many there are.

    Raises what `plan_hexes` and `aggregate_hexes` raise.
    """
    answer = read_cells(query, sources, tile, tile.box, frozenset({"categories"}))
    start, end = answer.window
    lasts_s = (end - start).total_seconds() if start and end else None
    document = {
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
        **citation(query, sources, answer.window),
        "resolution": answer.resolution,
        "meta": {
            "bounds": list(tile.bounds),
            "max_count": int(answer.table.counts.max(initial=0)),
            "timeframe": {"from": start and rfc3339(start), "to": end and rfc3339(end)},
            "horizon_hours": None if lasts_s is None else lasts_s / SECONDS_PER_HOUR,
        },
        "events": answer.table.events,
        "partial_events": answer.table.partial_events,
        "excluded_no_time": answer.table.excluded_no_time,
        "suppressed": False,
        "cells": _heat_cells(answer),
    }
    return document, int(answer.table.cells.size)


def _heat_cells(answer: HexAnswer) -> list[dict[str, Any]]:
    """Return each cell with its centre, longitude first, and its outline."""
    rows = cell_rows(answer.table, answer.query.level)
    latitudes, longitudes = (np.round(column, DECIMALS).tolist() for column in centres(answer.table.cells))
    geometries, _ = outlines(answer.table.cells)
    for row, longitude, latitude, geometry in zip(rows, longitudes, latitudes, geometries, strict=True):
        row |= {"centroid": [longitude, latitude], "polygon": geometry}
    return rows


def count_outside(query: HexQuery, sources: tuple[Source, ...]) -> int:
    """Return the events of which no tile owns the cell, at the question's resolution or else at 3.

    Raises what `aggregate_hexes` raises.
    """
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
