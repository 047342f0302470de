"""Profiles keep a decision how files are read, and take it again for files of the same header."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.datasets.models import Profile
from tests.datasets.stories import counts, create, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[[], int]
HEADER = "wann,hoch,quer,was\n"
FIRST = (HEADER + "2024-01-02T10:00:00Z,51.5,-0.1,theft\n").encode()
SECOND = ("was,quer,hoch,wann\n" + "fire,-0.2,51.6,2024-02-02T10:00:00Z\n").encode()
MAPPING = {
    "fields": {
        "timestamp": {"column": "wann"},
        "latitude": {"column": "hoch"},
        "longitude": {"column": "quer"},
        "category": {"column": "was"},
    }
}


def post(actors: Actors, **body: Any) -> Any:
    return actors.manager.api.post(
        "/api/v1/profiles", {"name": "Desk", "mapping": MAPPING, **body}, format="json"
    )


def test_a_saved_decision_is_taken_again_for_the_same_header_in_any_order(
    actors: Actors, run_jobs: Run
) -> None:
    _, waiting = made(actors.manager, run_jobs, upload(FIRST), name="First")
    assert waiting["status"] == "waiting"
    address = f"/api/v1/imports/{waiting['id']}/mapping"
    response = actors.manager.api.post(address, {"mapping": MAPPING, "save_as": "Desk"}, format="json")
    assert response.status_code == 202, response.content
    run_jobs()

    _, again = made(actors.manager, run_jobs, upload(SECOND), name="Second")

    assert (again["status"], counts(again)) == ("succeeded", (1, 1, 0, 0))
    (profile,) = actors.manager.api.get("/api/v1/profiles").json()["results"]
    assert (profile["name"], profile["is_for"]) == ("Desk", ["hoch", "quer", "wann", "was"])


def test_a_profile_brings_the_encoding_of_its_files(actors: Actors, run_jobs: Run) -> None:
    assert post(actors, dialect={"encoding": "cp1252"}).status_code == 201
    Profile.objects.update(signature='["hoch", "quer", "wann", "was"]')
    content = HEADER + "2024-01-02T10:00:00Z,51.5,-0.1,Körperverletzung\n" * 3

    dataset, row = made(actors.manager, run_jobs, upload(content.encode("cp1252")), name="Kiel")

    assert row["status"] == "succeeded", row
    categories = actors.manager.api.get(f"/api/v1/datasets/{dataset['id']}/categories").json()
    assert [category["text"] for category in categories] == ["Körperverletzung"]


def test_an_import_names_a_profile_and_overrides_its_options(actors: Actors, run_jobs: Run) -> None:
    profile = post(actors, options={"reject_limit": 0.9, "duplicates": "exact"}).json()

    _, row = made(
        actors.manager, run_jobs, upload(FIRST), name="First", mapping=profile["id"], reject_limit=0.5
    )

    options = row["options"]
    assert (row["status"], options["reject_limit"], options["duplicates"]) == ("succeeded", 0.5, "exact")


def test_a_profile_of_another_organization_is_not_known(actors: Actors) -> None:
    foreign = Profile.objects.create(
        organization=actors.stranger.actor.organization, name="Desk", mapping=MAPPING
    )

    response = create(actors.manager, upload(FIRST), name="First", mapping=str(foreign.pk))

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/mapping")


def test_personal_columns_are_not_kept_by_a_profile_unasked(actors: Actors, run_jobs: Run) -> None:
    assert post(actors, mapping={**MAPPING, "keep_personal": True}).status_code == 403
    kept = {**MAPPING, "keep_personal": True}
    body = {"name": "All", "mapping": kept}
    assert actors.admin.api.post("/api/v1/profiles", body, format="json").status_code == 201
    Profile.objects.update(signature='["hoch", "quer", "wann", "was"]')

    _, row = made(actors.manager, run_jobs, upload(FIRST), name="First")

    assert row["status"] == "waiting"


def test_names_are_unique_whatever_their_case(actors: Actors) -> None:
    assert post(actors).status_code == 201

    response = post(actors, name="desk")

    assert (response.status_code, response.json()["code"]) == (409, "datasets.profile_name_taken")


def test_what_is_wrong_with_a_mapping_is_pointed_to(actors: Actors) -> None:
    response = post(actors, mapping={"fields": {"timestamp": {"column": "wann"}}})

    assert (response.status_code, response.json()["code"]) == (422, "datasets.mapping_invalid")
    assert "/mapping/fields/latitude" in {error["pointer"] for error in response.json()["errors"]}


def test_another_mapping_forgets_the_header_and_deleting_leaves_imports(
    actors: Actors, run_jobs: Run
) -> None:
    profile = post(actors).json()
    address = f"/api/v1/profiles/{profile['id']}"
    made(actors.manager, run_jobs, upload(FIRST), name="First", mapping=profile["id"])
    assert actors.viewer.api.get(address).json()["is_for"] == ["hoch", "quer", "wann", "was"]

    changed = {**MAPPING, "properties": "none"}
    patched = actors.manager.api.patch(address, {"mapping": changed}, format="json")
    assert patched.json()["is_for"] == []
    assert actors.viewer.api.delete(address).status_code == 403
    assert actors.manager.api.delete(address).status_code == 204
    assert actors.manager.api.get(address).status_code == 404
