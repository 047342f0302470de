"""A preview from its creation to the bytes on a device."""

from collections.abc import Callable

from tests.furniture.people import Actors
from tests.previews.stories import create, fetch, upload, visit, zip_of


def test_a_bundle_is_created_uploaded_validated_and_fetched_by_token(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    made = create(actors.analyst)
    token = made["token"]
    assert visit("resolve", token).json()["status"] == "pending"
    content = zip_of()
    taken = upload(actors.analyst, made["id"], content)
    assert (taken.status_code, taken.json()["status"]) == (202, "validating"), taken.content
    assert visit("resolve", token).json()["next_poll_s"] == 5
    run_jobs()
    found = visit("resolve", token).json()
    assert (found["status"], found["revision"], found["next_poll_s"]) == ("ready", 1, 15)
    assert found["bundle"]["entry"] == "index.html"
    grant = visit("grants", token)
    assert grant.status_code == 200, grant.content
    got = fetch(grant.json()["url"])
    assert got.status_code == 200
    assert got.getvalue() == content
    shown = actors.viewer.api.get(f"/api/v1/preview/sessions/{made['id']}").json()
    assert shown["devices_bound"] == 1
    assert "token" not in shown
