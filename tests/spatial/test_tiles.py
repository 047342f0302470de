"""Vector tiles over HTTP, read back by a foreign decoder."""

from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from django.utils import timezone

from apps.common.metrics import read_counter
from apps.datasets.models import Dataset
from apps.spatial.tiles import reading
from apps.spatial.tiles.addresses import project
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]
PLACE = (51.5, -0.1)


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(*PLACE, category="Theft", value=1.0),
        EventRow(*PLACE, category="Theft", value=3.0),
        EventRow(*PLACE, category="Burglary"),
        EventRow(40.0, 20.0, category="Burglary"),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def get(actors: Actors, dataset: Dataset) -> Get:
    """Give a function that asks for a tile of the dataset as a viewer."""

    def answer(path: str, **parameters: Any) -> Any:
        return actors.viewer.api.get(f"/api/v1/{path}", {"dataset": str(dataset.pk), **parameters})

    return answer


def features(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    layers = mapbox_vector_tile.decode(response.content)
    assert list(layers) == ["cells"]
    assert (layers["cells"]["version"], layers["cells"]["extent"]) == (2, 4096)
    found: list[dict[str, Any]] = layers["cells"]["features"]
    return found


def test_a_tile_shows_its_cells_with_their_full_counts(get: Get) -> None:
    response = get("tiles/0/0/0.mvt")
    assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
    by_count = {feature["properties"]["count"]: feature for feature in features(response)}
    cell = h3.latlng_to_cell(*PLACE, 3)
    assert by_count.keys() == {1, 3}
    assert by_count[3]["id"] == cell
    assert by_count[3]["properties"] == {"h3": h3.int_to_str(cell), "count": 3, "value": 3, "own": True}
    assert by_count[3]["geometry"]["type"] == "Polygon"


def test_neighbouring_tiles_show_one_count_and_one_of_them_owns_the_cell(get: Get) -> None:
    cell = h3.latlng_to_cell(*PLACE, 11)
    (lat, lng), zoom = h3.cell_to_latlng(cell), 18
    x, y = (int(part.item() * 2**zoom) for part in project(np.array([lat]), np.array([lng])))
    shown = []
    for column in (x - 1, x, x + 1):
        for row in (y - 1, y, y + 1):
            response = get(f"tiles/{zoom}/{column}/{row}.mvt")
            if response.status_code == 200:
                shown += [(column, row, feature) for feature in features(response)]
    assert {feature["id"] for _, _, feature in shown} == {cell}
    assert {feature["properties"]["count"] for _, _, feature in shown} == {3}
    assert [place for *place, feature in shown if feature["properties"]["own"]] == [[x, y]]
    # 25 m across, in tiles of 95 m: shown wherever its outline reaches, and nowhere else.
    reached = h3_outline_tiles(cell, zoom)
    assert {(column, row) for column, row, _ in shown} == reached


def h3_outline_tiles(cell: int, zoom: int) -> set[tuple[int, int]]:
    """Return the tiles whose area with a buffer of 64 units a foreign library sees the outline in."""
    vertices = np.array(h3.cell_to_boundary(cell))
    x, y = (part * 2**zoom for part in project(vertices[:, 0], vertices[:, 1]))
    outline, found = shapely.Polygon(zip(x, y, strict=True)), set()
    for column in range(int(x.min()) - 1, int(x.max()) + 2):
        for row in range(int(y.min()) - 1, int(y.max()) + 2):
            if outline.intersects(
                shapely.box(column, row, column + 1, row + 1).buffer(1 / 64, join_style="mitre")
            ):
                found.add((column, row))
    return found


def test_a_cell_across_180_is_one_feature_on_both_sides(actors: Actors) -> None:
    dataset = published_dataset([EventRow(5.0, 179.999)], organization=actors.organization)
    query = {"dataset": str(dataset.pk)}
    (whole,) = features(actors.viewer.api.get("/api/v1/tiles/0/0/0.mvt", query))
    assert whole["geometry"]["type"] == "MultiPolygon"
    xs = [x for (ring,) in whole["geometry"]["coordinates"] for x, _ in ring]
    assert min(xs) < 64
    assert max(xs) > 4032
    sides = {}
    for x in (0, 3):
        (feature,) = features(actors.viewer.api.get(f"/api/v1/tiles/2/{x}/1.mvt", query))
        sides[x] = feature["properties"]
    assert sides[0]["count"] == sides[3]["count"] == 1
    assert sides[0]["own"] is not sides[3]["own"]


def test_without_a_cell_a_tile_is_empty(get: Get) -> None:
    response = get("tiles/4/0/0.mvt")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("place", ["23/0/0", "3/8/0", "3/0/8", "0/0/1"])
def test_there_are_no_tiles_beyond_the_pyramid(get: Get, place: str) -> None:
    for path in (f"tiles/{place}.mvt", f"heatmap/{place}"):
        response = get(path)
        assert (response.status_code, response.json()["code"]) == (404, "spatial.no_such_tile")


@pytest.mark.parametrize("place", ["0/0/-1", "0/0/x", "9" * 5000 + "/0/0"])
def test_what_is_no_number_is_no_address(get: Get, place: str) -> None:
    assert get(f"tiles/{place}.mvt").status_code in {404, 414}


def test_the_measure_is_the_value_of_a_cell(get: Get) -> None:
    for measure, expected in (
        ("count", {1: 1, 3: 3}),
        ("sum", {1: None, 3: 4.0}),
        ("mean", {1: None, 3: 2.0}),
    ):
        found = features(get("tiles/0/0/0.mvt", measure=measure))
        assert {f["properties"]["count"]: f["properties"].get("value") for f in found} == expected


def test_filters_narrow_tiles(get: Get) -> None:
    (feature,) = features(get("tiles/0/0/0.mvt", category="Theft"))
    assert feature["properties"]["count"] == 2


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"bbox": "0,0,1,1"}, "request.invalid"),
        ({"cell": "83194afffffffff"}, "request.invalid"),
        ({"measure": "median"}, "request.invalid"),
        ({"v": "1"}, "request.invalid"),
        ({"v": "1.1,1.1"}, "request.invalid"),
        ({"v": "1.1", "version": 1}, "request.invalid"),
        ({"resolution": 12}, "request.invalid"),
        ({"category": "Thefd"}, "spatial.category_unknown"),
    ],
)
def test_wrong_parameters_of_tiles_are_refused(get: Get, parameters: dict[str, Any], code: str) -> None:
    for path in ("tiles/0/0/0.mvt", "tiles.json"):
        response = get(path, **parameters)
        assert (response.status_code, response.json()["code"]) == (422, code)


def test_a_finer_resolution_is_drawn_up_to_ten_thousand_cells(get: Get, monkeypatch: Any) -> None:
    assert {h3.get_resolution(f["id"]) for f in features(get("tiles/0/0/0.mvt", resolution=11))} == {11}
    monkeypatch.setattr(reading, "MAX_TILE_CELLS", 1)
    response = get("tiles/0/0/0.mvt", resolution=10)
    assert (response.status_code, response.json()["code"]) == (422, "spatial.too_many_cells")
    assert response.json()["limit"] == 1
    assert get("tiles/0/0/0.mvt").status_code == 200


def test_tilejson_names_the_version_and_its_tiles_never_change(
    actors: Actors, get: Get, dataset: Dataset
) -> None:
    document = get("tiles.json", category="Theft").json()
    assert document["tilejson"] == "3.0.0"
    assert (document["minzoom"], document["maxzoom"]) == (0, 22)
    (layer,) = document["vector_layers"]
    assert (layer["id"], layer["fields"].keys()) == ("cells", {"h3", "count", "value", "own"})
    (template,) = document["tiles"]
    address = template.replace("{z}/{x}/{y}", "0/0/0")
    assert address.startswith("http://testserver/api/v1/tiles/0/0/0.mvt?")
    first = actors.viewer.api.get(address)
    assert first["Cache-Control"] == "private, max-age=31536000, immutable"
    publish(dataset, [[EventRow(*PLACE, category="Theft")] * 5])
    again = actors.viewer.api.get(address)
    assert (again.content, again["Sextant-Version"]) == (first.content, "1")
    assert again["Cache-Control"] == first["Cache-Control"]
    fresh = get("tiles/0/0/0.mvt", category="Theft")
    assert fresh["Cache-Control"] == "private, max-age=60"
    (feature,) = features(fresh)
    assert feature["properties"]["count"] == 5
    assert get("tiles/0/0/0.mvt", category="Theft", v="2.1").content == fresh.content
    # Other rules than those of today cannot be asked for any more.
    assert get("tiles/0/0/0.mvt", v="1.9")["Cache-Control"] == "private, max-age=60"
    assert get("tiles/0/0/0.mvt", v="3.1").json()["code"] == "datasets.version_gone"


def test_a_copy_that_is_good_is_not_sent_again(actors: Actors, get: Get, dataset: Dataset) -> None:
    tag = get("tiles/0/0/0.mvt")["ETag"]
    query = {"dataset": str(dataset.pk)}
    again = actors.viewer.api.get("/api/v1/tiles/0/0/0.mvt", query, headers={"If-None-Match": tag})
    assert (again.status_code, again["Cache-Control"]) == (304, "private, max-age=60")


def test_several_datasets_are_pinned_together(actors: Actors, dataset: Dataset) -> None:
    other = published_dataset([EventRow(*PLACE)], organization=actors.organization, name="Others")
    ids = [str(dataset.pk), str(other.pk)]
    (template,) = actors.viewer.api.get("/api/v1/tiles.json", {"dataset": ids}).json()["tiles"]
    assert template.endswith("v=1.1,1.1")
    publish(other, [[EventRow(*PLACE)] * 7])
    response = actors.viewer.api.get(template.replace("{z}/{x}/{y}", "0/0/0"))
    assert response["Sextant-Version"] == "1, 1"
    assert max(feature["properties"]["count"] for feature in features(response)) == 4


def test_a_dropped_version_is_gone_and_a_deleted_dataset_too(
    actors: Actors, get: Get, dataset: Dataset
) -> None:
    publish(dataset, [[EventRow(*PLACE)]])
    dataset.versions.filter(number=1).update(dropped_at=timezone.now())
    assert get("tiles/0/0/0.mvt", v="1.1").json()["code"] == "datasets.version_gone"
    Dataset.objects.filter(pk=dataset.pk).update(deleted_at=timezone.now())
    assert get("tiles/0/0/0.mvt", v="2.1").status_code == 404


@pytest.mark.parametrize("path", ["tiles/0/0/0.mvt", "tiles.json", "heatmap/0/0/0"])
def test_who_may_see_tiles(actors: Actors, dataset: Dataset, path: str) -> None:
    people = (actors.viewer, actors.analyst, actors.manager, actors.admin, actors.stranger, actors.anonymous)
    query = {"dataset": str(dataset.pk)}
    statuses = {person.name: person.api.get(f"/api/v1/{path}", query).status_code for person in people}
    members = {person.name: 200 for person in people[:4]}
    assert statuses == {**members, "stranger": 404, "anonymous": 401}


def test_what_is_served_is_counted(get: Get) -> None:
    def total(name: str) -> float:
        return sum(value for _, value in read_counter(name))

    before = total("sextant_spatial_cells_served"), total("sextant_spatial_tiles")
    get("tiles/0/0/0.mvt")
    get("tiles/4/0/0.mvt")
    assert total("sextant_spatial_cells_served") - before[0] == 2
    assert total("sextant_spatial_tiles") - before[1] == 2
