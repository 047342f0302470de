"""The calls of the map: a question in, a finished (and kept) answer out."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import orjson
from django.conf import settings

from apps.common.answers import Answer, answer_key, cached_answer
from apps.datasets.queries.timeline import Bucket
from apps.spatial.cell_facts import cell_facts
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat, citation, encode_answer
from apps.spatial.hexes import aggregate_hexes, plan_hexes, reading_events
from apps.spatial.sources import HexQuery, Source
from apps.spatial.tiles import MEDIA_TYPE, Tile
from apps.spatial.tiles.reading import Measure, count_outside, draw_tile, read_heatmap
from apps.spatial.timeline import read_timeline

LIMITS: Final = {
    AnswerFormat.JSON: "SPATIAL_MAX_CELLS",
    AnswerFormat.GEOJSON: "SPATIAL_MAX_CELLS",
    AnswerFormat.GEOJSONSEQ: "SPATIAL_MAX_CELLS",
    AnswerFormat.COLUMNS: "SPATIAL_MAX_CELLS_COMPACT",
    AnswerFormat.CSV: "SPATIAL_MAX_CELLS_COMPACT",
    AnswerFormat.ARROW: "SPATIAL_MAX_CELLS_COMPACT",
    AnswerFormat.PARQUET: "SPATIAL_MAX_CELLS_COMPACT",
}


def answer_hexes(query: HexQuery, sources: tuple[Source, ...], form: AnswerFormat) -> Answer:
    """Return the cells in a format; raises what `plan_hexes` and `aggregate_hexes` raise."""

    def build() -> Answer:
        answer = aggregate_hexes(plan_hexes(query, sources, limit_of(form)))
        return Answer.of(encode_answer(answer, form), MEDIA_TYPES[form], int(answer.table.cells.size))

    return _kept("hexes", query, sources, build, form)


def estimate_hexes(query: HexQuery, sources: tuple[Source, ...], form: AnswerFormat) -> dict[str, Any]:
    """Return how many cells the question would answer, without reading an event."""
    plan = plan_hexes(query, sources, limit_of(form))
    return {
        "resolution": plan.resolution,
        "estimated_cells": plan.estimate.at(plan.resolution),
        "limit": plan.estimate.limit,
        "finest_resolution": plan.estimate.finest_resolution,
    }


def answer_cell(query: HexQuery, sources: tuple[Source, ...], cell: int) -> Answer:
    """Return everything about one cell, whose resolution the query has."""

    def build() -> Answer:
        return Answer.json(cell_facts(plan_hexes(query, sources, settings.SPATIAL_MAX_CELLS_COMPACT), cell))

    return _kept("cell", query, sources, build, cell)


def answer_timeline(
    query: HexQuery, sources: tuple[Source, ...], bucket: Bucket, *, with_categories: bool
) -> Answer:
    """Return the selected events by bucket; raises TooManyCells, TooManyBuckets, TooExpensive."""

    def build() -> Answer:
        plan = plan_hexes(query, sources, settings.SPATIAL_MAX_CELLS_COMPACT)
        if query.echo:
            plan.estimate.check(plan.resolution)
        with reading_events():
            timeline = read_timeline(
                plan.scopes, query.selection, plan.resolution, bucket, with_categories=with_categories
            )
        head = {"bucket": bucket.value, **citation(query, sources, plan.window)}
        return Answer.json({**head, **asdict(timeline), "suppressed": False})

    return _kept("timeline", query, sources, build, bucket, with_categories)


def answer_tile(query: HexQuery, sources: tuple[Source, ...], tile: Tile, measure: Measure) -> Answer:
    """Return a vector tile, without bytes where it shows no cell; raises what `aggregate_hexes` raises."""

    def build() -> Answer:
        body, cells = draw_tile(query, sources, tile, measure)
        return Answer.of(body, MEDIA_TYPE, cells)

    return _kept("tile", query, sources, build, tile, measure)


def answer_heatmap(query: HexQuery, sources: tuple[Source, ...], tile: Tile) -> Answer:
    """Return the cells with their centre in a tile; raises what `aggregate_hexes` raises."""

    def build() -> Answer:
        document, cells = read_heatmap(query, sources, tile)
        return Answer.of(orjson.dumps(document), "application/json", cells)

    return _kept("heatmap", query, sources, build, tile)


def answer_outside(query: HexQuery, sources: tuple[Source, ...]) -> int:
    """Return how many events lie in cells that no tile owns."""
    kept = _kept("outside", query, sources, lambda: Answer.json(count_outside(query, sources)))
    return int(kept.body)


def _kept(
    kind: str, query: HexQuery, sources: tuple[Source, ...], build: Callable[[], Answer], *variant: object
) -> Answer:
    key = answer_key("spatial", kind, [source.key for source in sources], repr((query.identity, variant)))
    return cached_answer(key, build, ttl_s=settings.SPATIAL_CACHE_TTL_S)


def limit_of(form: AnswerFormat) -> int:
    """Return how many cells an answer in the format may have."""
    return int(getattr(settings, LIMITS[form]))
