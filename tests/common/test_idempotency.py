"""Idempotency-Key: one effect, one answer, for as often as the request is repeated."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, IdempotencyRecord, Organization
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors

ORGANIZATIONS = "/api/v1/organizations"


@pytest.fixture
def api(actors: Actors) -> APIClient:
    return actors.analyst.api


def post(api: APIClient, key: str = "k-1", url: str = ORGANIZATIONS, **fields: Any) -> Any:
    return api.post(url, fields or {"name": "Depot"}, format="json", headers={"Idempotency-Key": key})


def depots() -> int:
    return Organization.objects.filter(name="Depot").count()


def test_a_repetition_gets_the_stored_answer(api: APIClient) -> None:
    first, second = post(api), post(api)

    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert depots() == 1
    for name in ("Location", "ETag", "Content-Type"):
        assert second[name] == first[name], name
    assert (second.status_code, second.content) == (201, first.content)
    assert len(second["X-Request-Id"]) >= 8


def test_another_body_query_or_type_under_the_same_key_is_refused(api: APIClient) -> None:
    assert post(api).status_code == 201

    for answer in (
        post(api, name="Other"),
        post(api, url=f"{ORGANIZATIONS}?fields=id"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.mismatch")
    assert Organization.objects.filter(name="Other").count() == 0


def test_the_key_belongs_to_actor_method_and_path(actors: Actors, api: APIClient) -> None:
    assert post(api).status_code == 201
    assert post(actors.manager.api).status_code == 201
    body: dict[str, Any] = {"name": "n", "role": "viewer", "scopes": ["datasets:read"]}
    assert post(api, url="/api/v1/api-keys", **body).status_code == 201

    assert depots() == 2
    assert IdempotencyRecord.objects.count() == 3


def test_a_refusal_is_not_stored(api: APIClient) -> None:
    assert post(api, name="Depot", slug="NOT A SLUG").status_code == 422
    assert post(api, name="Depot", slug="system").status_code == 409
    assert not IdempotencyRecord.objects.exists()
    assert post(api).status_code == 201


def test_after_a_day_the_key_is_free_again(api: APIClient) -> None:
    post(api)
    IdempotencyRecord.objects.update(expires_at=timezone.now())

    again = post(api, name="Another")
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again


def test_a_secret_is_null_in_a_replay_and_nowhere_in_the_table(api: APIClient) -> None:
    body: dict[str, Any] = {"name": "n", "role": "viewer", "scopes": ["datasets:read"]}
    first, second = (post(api, url="/api/v1/api-keys", **body) for _ in range(2))

    assert first.json()["key"].startswith("sxk_")
    assert second.json() == first.json() | {"key": None}
    assert first.json()["key"].encode() not in bytes(IdempotencyRecord.objects.get().body)
    assert ApiKey.objects.count() == 1


def test_a_deletion_is_replayed_though_the_row_is_gone(api: APIClient) -> None:
    body: dict[str, Any] = {"name": "n", "role": "viewer", "scopes": ["datasets:read"]}
    row = api.post("/api/v1/api-keys", body, format="json")
    answers = [api.delete(row["Location"], headers={"Idempotency-Key": "d"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert api.delete(row["Location"]).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ü"])
def test_a_key_that_is_none_is_malformed(api: APIClient, key: str) -> None:
    answer = post(api, key)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_invalid")
    assert depots() == 0


def test_calls_that_are_not_signed_in_store_nothing(actors: Actors) -> None:
    assert actors.viewer.user is not None
    body = {"email": actors.viewer.user.email, "password": PASSWORD}
    tokens = {post(APIClient(), url="/api/v1/auth/login", **body).json()["access"] for _ in range(2)}

    assert len(tokens) == 2
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_takes_effect_and_the_rest_wait_or_replay(actors: Actors) -> None:
    cookie = actors.analyst.api.cookies
    barrier = threading.Barrier(8)

    def call(_: int) -> Any:
        client = APIClient()
        client.cookies = cookie
        try:
            barrier.wait()
            return post(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    assert depots() == 1
    fresh = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a]
    others = {(a.status_code, a.json().get("code")) for a in answers if a not in fresh}
    assert len(fresh) == 1
    assert others <= {(201, None), (409, "idempotency.in_flight")}


@pytest.mark.django_db(transaction=True)
def test_a_crash_after_the_effect_stores_neither_effect_nor_answer(
    actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = actors.analyst.api
    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyRecord.objects, "create", _fail)
        api.raise_request_exception = False
        assert post(api).status_code == 500

    assert depots() == 0
    assert post(api).status_code == 201
    assert depots() == 1


def _fail(**_fields: Any) -> None:
    raise MemoryError
