"""Entity tags: a good copy is not sent again, a stale one changes nothing."""

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, Role
from apps.common.etags import matches, strong_etag
from tests.furniture.people import Actors

KEYS = "/api/v1/api-keys"
BODY = {"name": "Loader", "role": "viewer", "scopes": ["datasets:read"]}


@pytest.fixture
def api(actors: Actors) -> APIClient:
    return actors.analyst.api


@pytest.fixture
def url(api: APIClient) -> str:
    return str(api.post(KEYS, BODY, format="json")["Location"])


@pytest.mark.parametrize("kind", ["object", "list"])
def test_a_good_copy_is_answered_with_304_and_no_body(api: APIClient, url: str, kind: str) -> None:
    address = url if kind == "object" else KEYS
    first = api.get(address)
    assert first["Cache-Control"] == "private, no-cache"

    for header in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}', "*"):
        answer = api.get(address, headers={"If-None-Match": header})
        assert (answer.status_code, answer.content) == (304, b""), header
        assert answer["ETag"] == first["ETag"]
    assert api.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    ApiKey.objects.update(name="Renamed")
    assert api.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_an_answer_that_has_no_body_states_no_length(api: APIClient, url: str) -> None:
    """RFC 9110, 8.6: of a 304 it would be the length of the copy, of a 204 it must not be there."""
    copy = api.get(url)
    assert copy["Content-Length"] == str(len(copy.content))
    assert "Content-Length" not in api.get(url, headers={"If-None-Match": copy["ETag"]})
    gone = api.delete(url)
    assert gone.status_code == 204
    assert "Content-Length" not in gone


def test_a_projection_has_a_tag_of_its_own(api: APIClient, url: str) -> None:
    assert api.get(url)["ETag"] != api.get(url, {"fields": "name"})["ETag"]


def test_head_is_get_without_the_body(api: APIClient, url: str) -> None:
    got, headed = api.get(url), api.head(url)

    assert headed.status_code == 200
    assert headed.content == b""
    for name in ("ETag", "Content-Type", "Cache-Control"):
        assert headed[name] == got[name], name
    assert api.head(url, headers={"If-None-Match": got["ETag"]}).status_code == 304


def test_a_change_meant_for_another_state_is_refused(api: APIClient, url: str) -> None:
    stale = api.get(url)["ETag"]
    ApiKey.objects.update(role=Role.ANALYST)

    refused = api.delete(url, headers={"If-Match": stale})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition.failed")
    assert ApiKey.objects.living().exists()
    assert api.delete(url, headers={"If-Match": f"W/{api.get(url)['ETag']}"}).status_code == 204


def test_a_change_answers_with_the_tag_of_the_new_state(actors: Actors) -> None:
    api = actors.manager.api
    url = api.post("/api/v1/datasets", {"name": "Depot"}, format="json")["Location"]
    first = api.get(url)["ETag"]

    changed = api.patch(url, {"description": "d"}, format="json", headers={"If-Match": first})
    assert changed.status_code == 200, changed.content
    assert changed["ETag"] == api.get(url)["ETag"] != first
    stale = api.patch(url, {"description": "e"}, format="json", headers={"If-Match": first})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition.failed")
    assert api.get(url).json()["description"] == "d"
    unguarded = api.patch(url, {"description": "f"}, format="json")
    assert unguarded.status_code == 200


def test_if_match_on_a_row_that_is_gone_is_404(api: APIClient, url: str) -> None:
    tag = api.get(url)["ETag"]
    api.delete(url)

    assert api.delete(url, headers={"If-Match": tag}).status_code == 404
    assert api.delete(url, headers={"If-Match": "*"}).status_code == 404


def test_errors_carry_no_tag(api: APIClient) -> None:
    assert "ETag" not in api.get(f"{KEYS}/00000000-0000-7000-8000-000000000000")


def test_parts_do_not_run_into_each_other() -> None:
    assert strong_etag("ab", "c") != strong_etag("a", "bc")
    assert not matches('"a, b"', '"a"')
