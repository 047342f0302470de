"""Acts that somebody may be asked about later leave an entry where the organization's admins find it."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import AuditEntry
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors, Person


def found(actors: Actors, verb: str) -> list[Any]:
    results: list[Any] = actors.admin.api.get(f"/api/v1/audit?verb={verb}").json()["results"]
    return results


def sign_in(person: Person, password: str = PASSWORD) -> Any:
    assert person.user is not None
    body = {"email": person.user.email, "password": password}
    return APIClient().post("/api/v1/auth/login", body, format="json")


def test_a_refused_sign_in_names_whose_and_never_the_password(actors: Actors) -> None:
    assert actors.viewer.user is not None
    assert sign_in(actors.viewer, "not the password").status_code == 401

    (entry,) = found(actors, "auth.sign_in_failed")
    assert entry["target"]["id"] == str(actors.viewer.user.pk)
    assert entry["actor"]["type"] == "system"
    assert entry["ip"] == "127.0.0.1"
    assert "not the password" not in str(entry)


def test_an_unknown_address_is_recorded_for_the_installation(actors: Actors) -> None:
    body = {"email": "nobody@example.com", "password": PASSWORD}
    assert APIClient().post("/api/v1/auth/login", body, format="json").status_code == 401
    entry = AuditEntry.objects.get(verb="auth.sign_in_failed")
    assert (entry.organization, entry.target_id) == (None, "")


def test_a_sign_in_is_recorded(actors: Actors) -> None:
    assert sign_in(actors.viewer).status_code == 200
    (entry,) = found(actors, "auth.signed_in")
    assert actors.viewer.user is not None
    assert entry["actor"]["id"] == str(actors.viewer.user.pk)


def test_a_refresh_token_used_twice_is_recorded(actors: Actors, settings: Settings) -> None:
    settings.REFRESH_GRACE_S = -1
    old = sign_in(actors.viewer).json()["refresh"]
    for expected in (200, 401):
        answer = APIClient().post("/api/v1/auth/refresh", {"refresh": old}, format="json")
        assert answer.status_code == expected
    assert answer.json()["code"] == "auth.token_reused"
    assert len(found(actors, "auth.token_reused")) == 1


@pytest.mark.parametrize("is_right", [True, False])
def test_an_act_that_was_refused_leaves_no_entry(actors: Actors, is_right: bool) -> None:
    body = {"name": "CI", "role": "viewer" if is_right else "admin", "scopes": ["datasets:read"]}
    answer = actors.analyst.api.post("/api/v1/api-keys", body, format="json")
    assert answer.status_code == (201 if is_right else 403)
    assert len(found(actors, "accounts.key_created")) == is_right


def test_an_act_that_is_rolled_back_takes_its_entry_with_it(actors: Actors) -> None:
    url, body, api = "/api/v1/datasets", {"name": "Events"}, actors.analyst.api
    first = api.post(url, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    again = api.post(url, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    taken = api.post(url, body, format="json")
    assert (first.status_code, again.status_code, taken.status_code) == (201, 201, 409)
    assert len(found(actors, "datasets.created")) == 1


def test_the_life_of_a_dataset_is_recorded(actors: Actors) -> None:
    api = actors.analyst.api
    url = f"/api/v1/datasets/{api.post('/api/v1/datasets', {'name': 'Events'}, format='json').json()['id']}"
    assert api.patch(url, {"name": "Other events"}, format="json").status_code == 200
    assert api.delete(url).status_code == 202
    (changed,) = found(actors, "datasets.changed")
    assert changed["changes"] == {"name": "Other events"}
    (deleted,) = found(actors, "datasets.deleted")
    assert actors.analyst.user is not None
    assert deleted["actor"]["id"] == str(actors.analyst.user.pk)
    assert deleted["target"]["label"] == "Other events"
