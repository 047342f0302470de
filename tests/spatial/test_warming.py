"""Coarse tiles and the default view are there before anybody asks."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from apps.spatial.periodic import warm_maps
from apps.spatial.sources import Source
from apps.spatial.tiles import Tile
from apps.spatial.warming import coarse_tiles, warm_new_versions
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)


def test_a_new_version_is_warmed_once(
    actors: Actors, valkey: redis.Redis, django_assert_num_queries: Any
) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    dataset.versions.update(extent=[-0.1, 51.5, -0.1, 51.5])
    warm_maps()
    kept = set(valkey.keys("*"))
    viewer, query = actors.viewer.api, {"dataset": str(dataset.pk)}
    for path in ("tiles/0/0/0.mvt", "tiles/4/7/5.mvt", "tiles.json", "hexes"):
        assert viewer.get(f"/api/v1/{path}", query).status_code == 200
    answers = {key for key in set(valkey.keys("*")) - kept if b":spatial:" in key}
    assert answers == set()
    assert warm_new_versions(timezone.now()) == 0
    publish(dataset, [[EventRow(*PLACE)]])
    dataset.versions.update(extent=[-0.1, 51.5, -0.1, 51.5])
    assert warm_new_versions(timezone.now()) == 1


def test_old_versions_are_left_alone(actors: Actors, valkey: redis.Redis) -> None:
    published_dataset([EventRow(*PLACE)], organization=actors.organization)
    assert warm_new_versions(timezone.now() + timedelta(hours=1)) == 0


def test_nothing_is_warmed_without_a_place_to_keep_it(actors: Actors, settings: Any) -> None:
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    published_dataset([EventRow(*PLACE)], organization=actors.organization)
    assert warm_new_versions(timezone.now()) == 0


def test_only_tiles_near_the_events_are_built(actors: Actors) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    version = dataset.current_version
    assert version is not None
    version.extent = [-0.1, 51.5, -0.1, 51.5]
    tiles = list(coarse_tiles((Source(dataset, version, version),)))
    assert len(tiles) < 20
    assert {tile.z for tile in tiles} == set(range(5))
    assert Tile(4, 7, 5) in tiles
    # Events at 180 degrees: both sides of the world.
    version.extent = [179.9, 0.1, 179.9, 0.1]
    assert {tile.x for tile in coarse_tiles((Source(dataset, version, version),)) if tile.z == 4} == set(
        range(16)
    )
