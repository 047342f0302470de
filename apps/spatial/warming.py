"""Answers made before anybody asks: the first view and the coarse tiles of newly published versions.

What was warmed is noted where the answers are kept: without Valkey there is nothing to warm.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from django.conf import settings

from apps.accounts.permissions import system_actor
from apps.common.errors import DomainError
from apps.common.valkey import valkey_at
from apps.datasets.models import Dataset
from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.selections import Everywhere
from apps.spatial.answers import answer_hexes, answer_outside, answer_tile, answer_timeline
from apps.spatial.default_view import default_bucket, default_resolutions
from apps.spatial.formats import AnswerFormat
from apps.spatial.sources import HexQuery, Source, open_sources
from apps.spatial.tiles import Tile
from apps.spatial.tiles.describing import bounds_of
from apps.spatial.tiles.reading import Measure

FINEST_ZOOM: Final = 4
# Versions published longer ago are left alone: whoever looks at them has warmed them.
NEW_FOR: Final = timedelta(minutes=10)
NOTED_S: Final = 3_600
# One run leaves the worker to others after so long.
BUDGET_S: Final = 45.0

logger = structlog.get_logger(__name__)


def warm_new_versions(now: datetime) -> int:
    """Warm the datasets whose current version is new and was not warmed yet; return how many were."""
    deadline = time.monotonic() + BUDGET_S
    warmed = 0
    fresh = Dataset.objects.living().filter(current_version__published_at__gt=now - NEW_FOR)
    for dataset in fresh.select_related("organization", "current_version").order_by("pk"):
        if time.monotonic() < deadline and _take(dataset):
            warm_dataset(dataset, deadline)
            warmed += 1
    return warmed


def warm_dataset(dataset: Dataset, deadline: float) -> None:
    """Build the answers of a dataset's current version until the deadline (of the monotonic clock)."""
    query = HexQuery(dataset_ids=(dataset.pk,), selection=Everywhere(), echo={}, filters=Filters())
    try:
        sources = open_sources(system_actor(dataset.organization), query)
        for build in _answers(query, sources):
            if time.monotonic() > deadline:
                break
            build()
    except DomainError as error:
        # Deleted meanwhile, or too much for one answer: whoever asks is told.
        logger.info("not warmed", dataset=str(dataset.pk), code=error.code)


def _answers(query: HexQuery, sources: tuple[Source, ...]) -> Iterator[Callable[[], object]]:
    """Yield what builds each answer: the map page's first calls, the default answer, the coarse tiles."""
    version = sources[0].version
    for resolution in default_resolutions(version.extent):
        view = replace(query, resolution=resolution)
        yield partial(answer_hexes, view, sources, AnswerFormat.COLUMNS)
    yield partial(answer_timeline, query, sources, default_bucket(version), with_categories=False)
    yield partial(answer_hexes, query, sources, AnswerFormat.JSON)
    yield partial(answer_outside, query, sources)
    for tile in coarse_tiles(sources):
        yield partial(answer_tile, query, sources, tile, Measure.COUNT)


def coarse_tiles(sources: tuple[Source, ...]) -> Iterator[Tile]:
    """Yield the tiles of the coarse zooms that may show a cell, coarse first."""
    west, south, east, north = bounds_of(sources)
    for tile in _all_tiles(range(FINEST_ZOOM + 1)):
        left, bottom, right, top = tile.bounds
        if left <= east and right >= west and bottom <= north and top >= south:
            yield tile


def _all_tiles(zooms: Iterable[int]) -> Iterator[Tile]:
    for z in zooms:
        for x in range(1 << z):
            for y in range(1 << z):
                yield Tile(z, x, y)


def _take(dataset: Dataset) -> bool:
    """Note that a version is being warmed; False if it was, or if Valkey is not there."""
    version = dataset.current_version
    number = version.number if version else 0
    name = f"sextant:{settings.RELEASE}:spatial:warmed:{dataset.no}.{dataset.rules_no}.{number}"
    is_mine = valkey_at(settings.CACHE_URL).attempt(
        lambda client: bool(client.set(name, b"1", nx=True, ex=NOTED_S)), purpose="cached answers"
    )
    return bool(is_mine)
