"""The calls of the map: a question in, a finished (and kept) answer out."""

from typing import Any

from django.conf import settings

from apps.spatial.cache import Answer, answer_key, cached_answer
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat, encode_answer
from apps.spatial.hexes import aggregate_hexes, plan_hexes
from apps.spatial.sources import HexQuery, Source

LIMITS = {
    AnswerFormat.JSON: "SPATIAL_MAX_CELLS",
    AnswerFormat.GEOJSON: "SPATIAL_MAX_CELLS",
    AnswerFormat.COLUMNS: "SPATIAL_MAX_CELLS_COMPACT",
}


def answer_hexes(query: HexQuery, sources: tuple[Source, ...], form: AnswerFormat) -> Answer:
    """Return the cells in a format; raises what `plan_hexes` and `aggregate_hexes` raise."""

    def build() -> Answer:
        answer = aggregate_hexes(plan_hexes(query, sources, _limit(form)))
        return Answer.of(encode_answer(answer, form), MEDIA_TYPES[form], int(answer.table.cells.size))

    return _kept("hexes", query, sources, build, form)


def estimate_hexes(query: HexQuery, sources: tuple[Source, ...], form: AnswerFormat) -> dict[str, Any]:
    """Return how many cells the question would answer, without reading an event."""
    plan = plan_hexes(query, sources, _limit(form))
    return {
        "resolution": plan.resolution,
        "estimated_cells": plan.estimate.at(plan.resolution),
        "limit": plan.estimate.limit,
        "finest_resolution": plan.estimate.finest_resolution,
    }


def _kept(kind: str, query: HexQuery, sources: tuple[Source, ...], build: Any, *variant: Any) -> Answer:
    key = answer_key(kind, [source.key for source in sources], repr((query.identity, variant)))
    return cached_answer(key, build)


def _limit(form: AnswerFormat) -> int:
    return int(getattr(settings, LIMITS[form]))
