"""Coarse tiles and the default view are there before anybody asks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from apps.datasets.models import Version
from apps.datasets.queries.timeline import Bucket
from apps.spatial.default_view import default_bucket, default_resolutions
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
    # In the words of the map page: of a single point it shows the closest view.
    calls: dict[str, dict[str, Any]] = {
        "hexes": {**query, "format": "columns", "resolution": 10},
        "timeline": {**query, "bucket": "day"},
    }
    for path, asked in calls.items():
        assert viewer.get(f"/api/v1/{path}", asked).status_code == 200
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


def test_the_first_view_of_every_screen_is_among_those_that_are_warmed() -> None:
    assert default_resolutions([-0.1, 51.5, -0.1, 51.5]) == (10,)
    # A city: a phone begins at zoom 8, a large screen at 11.
    assert default_resolutions([16.21, 48.10, 16.55, 48.32]) == (6, 7, 8)
    # The world, and ten degrees over 180.
    assert default_resolutions([-179.9, -77.0, 179.9, 86.0]) == (3,)
    assert default_resolutions([175.0, -20.0, -175.0, -10.0]) == (3, 4, 5)
    assert default_resolutions([-180.0, 0.0, 180.0, 0.0]) == default_resolutions(None) == (3,)


def test_the_first_histogram_has_a_place_for_every_event() -> None:
    version = Version(first_at=datetime(2024, 1, 1, tzinfo=UTC), precision_counts={"0": 3})
    for days, bucket in ((100, Bucket.DAY), (200, Bucket.MONTH), (9_200, Bucket.YEAR)):
        version.last_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days)
        assert default_bucket(version) == bucket
    version.last_at = version.first_at
    for precision, bucket in (("1", Bucket.DAY), ("2", Bucket.MONTH), ("3", Bucket.YEAR)):
        version.precision_counts = {precision: 1}
        assert default_bucket(version) == bucket
