"""The map page: what it tells its module, and to whom."""

import json
from typing import Any

from apps.datasets.models import Dataset
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors, Person


def map_data(person: Person) -> dict[str, Any]:
    page = person.browser.get("/map/").content.decode()
    block = page.split('<script id="map-data" type="application/json">')[1].split("</script>")[0]
    data: dict[str, Any] = json.loads(block)
    return data


def test_the_map_lists_published_datasets_of_the_organization(actors: Actors) -> None:
    shown = published_dataset([EventRow(51.5, -0.1)], organization=actors.organization, name="</script>")
    Dataset.objects.create(organization=actors.organization, name="Not published")
    (facts,) = map_data(actors.viewer)["datasets"]
    assert (facts["id"], facts["name"], facts["version"]) == (str(shown.pk), "</script>", 1)
    assert map_data(actors.stranger)["datasets"] == []


def test_a_map_without_datasets_says_what_to_do_next(actors: Actors) -> None:
    assert 'href="/datasets/new"' in actors.analyst.browser.get("/map/").content.decode()
    assert 'href="/datasets/new"' not in actors.viewer.browser.get("/map/").content.decode()


def test_guests_do_not_see_the_map(actors: Actors) -> None:
    assert actors.anonymous.browser.get("/map/").status_code == 302


def test_an_operators_tiles_replace_the_local_base_map(actors: Actors, settings: Any) -> None:
    published_dataset([EventRow(51.5, -0.1)], organization=actors.organization)
    assert map_data(actors.viewer)["tile_url"] == ""
    settings.MAP_TILE_URL = "https://tiles.example/{z}/{x}/{y}.png"
    assert map_data(actors.viewer)["tile_url"] == "https://tiles.example/{z}/{x}/{y}.png"
