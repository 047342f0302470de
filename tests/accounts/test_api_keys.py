"""API keys: shown once, stored hashed, cut by role, scope, network and time."""

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts import keys
from apps.accounts.models import ApiKey, Role
from apps.accounts.services import create_api_key
from apps.accounts.services.operators import lock_user
from tests.factories.accounts import create_member
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check

KEYS = "/api/v1/api-keys"
BODY = {"name": "Loader", "role": "analyst", "scopes": ["datasets:read", "datasets:write"]}


def create(person: Person, **fields: Any) -> Any:
    return person.api.post(KEYS, BODY | fields, format="json")


def get_keys(raw: str, **headers: Any) -> Any:
    return APIClient().get(KEYS, headers={"Authorization": f"Bearer {raw}"}, **headers)


def code(answer: Any) -> str:
    return str(answer.json()["code"])


@pytest.fixture
def usable(actors: Actors) -> Callable[..., str]:
    def make(**fields: Any) -> str:
        scopes = ["accounts:read", "accounts:write"]
        _, raw = create_api_key(
            actor=actors.admin.actor, name="k", role=Role.ANALYST, **({"scopes": scopes} | fields)
        )
        return raw

    return make


def test_the_raw_key_is_shown_once_and_only_a_keyed_hash_is_stored(actors: Actors) -> None:
    answer = create(actors.analyst)

    assert answer.status_code == 201, answer.content
    body = answer.json()
    raw = body["key"]
    assert keys.FORMAT.fullmatch(raw)
    row = ApiKey.objects.get(pk=body["id"])
    assert (row.prefix, row.created_by) == (raw[4:12], actors.analyst.user)
    assert bytes(row.hash) == keys.current_hash(raw)[0]
    shown = actors.analyst.api.get(answer["Location"])
    assert shown.status_code == 200, shown.content
    assert "key" not in shown.json()
    assert raw.encode() not in shown.content


def test_an_analyst_sees_their_own_keys_and_an_admin_all(actors: Actors) -> None:
    own = create(actors.analyst).json()["id"]
    others = create(actors.manager).json()["id"]

    assert [row["id"] for row in actors.analyst.api.get(KEYS).json()["results"]] == [own]
    assert {row["id"] for row in actors.admin.api.get(KEYS).json()["results"]} == {own, others}
    assert actors.analyst.api.get(f"{KEYS}/{others}").status_code == 404
    assert actors.analyst.api.delete(f"{KEYS}/{others}").status_code == 404
    assert actors.admin.api.delete(f"{KEYS}/{others}").status_code == 204


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404), ("anonymous", 401)])
def test_others_do_not_reach_a_key(actors: Actors, name: str, status: int) -> None:
    key = create(actors.analyst).json()["id"]

    assert actors[name].api.get(f"{KEYS}/{key}").status_code == status
    assert actors[name].api.delete(f"{KEYS}/{key}").status_code == status
    assert ApiKey.objects.living().filter(pk=key).exists()


def test_a_key_signs_in_by_either_header_with_white_space_around(usable: Callable[..., str]) -> None:
    """Edge case 6."""
    raw = usable()

    assert get_keys(f"  {raw} ").status_code == 200
    assert APIClient().get(KEYS, HTTP_X_API_KEY=f" {raw}\t").status_code == 200
    me = APIClient().get("/api/v1/me", HTTP_X_API_KEY=raw)
    assert (me.status_code, code(me)) == (403, "permission.denied")


def test_a_wrong_checksum_costs_no_query(usable: Callable[..., str]) -> None:
    raw = usable()
    mistyped = raw[:-1] + ("a" if raw[-1] != "a" else "b")

    with CaptureQueriesContext(connection) as queries:
        answer = get_keys(mistyped)
    assert (answer.status_code, code(answer), len(queries)) == (401, "auth.key_invalid", 0)


def test_a_known_prefix_with_another_secret_is_refused(
    usable: Callable[..., str],
) -> None:
    raw = usable()
    body = raw[:13] + "".join(secrets.choice(keys.ALPHABET) for _ in range(32))

    assert code(get_keys(body + keys.checksum(body))) == "auth.key_invalid"
    assert get_keys(raw).status_code == 200


def test_a_revoked_key_is_refused_on_the_next_request(actors: Actors, usable: Callable[..., str]) -> None:
    raw = usable()
    assert get_keys(raw).status_code == 200
    row = ApiKey.objects.get(prefix=raw[4:12])
    assert actors.admin.api.delete(f"{KEYS}/{row.pk}").status_code == 204

    assert (get_keys(raw).status_code, code(get_keys(raw))) == (401, "auth.key_invalid")
    assert actors.admin.api.get(f"{KEYS}/{row.pk}").status_code == 404


def test_an_expired_key_says_so(usable: Callable[..., str]) -> None:
    raw = usable(expires_at=timezone.now() + dt.timedelta(hours=1))
    assert get_keys(raw).status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())

    assert (get_keys(raw).status_code, code(get_keys(raw))) == (401, "auth.key_expired")


def test_a_key_works_only_from_its_networks_whatever_a_stranger_forwards(
    usable: Callable[..., str], settings: Settings
) -> None:
    """Edge case 7."""
    raw = usable(allowed_cidrs=["10.1.0.0/16", "2001:db8::/32"])

    assert get_keys(raw, REMOTE_ADDR="10.1.2.3").status_code == 200
    assert get_keys(raw, REMOTE_ADDR="2001:db8::7").status_code == 200
    assert get_keys(raw, REMOTE_ADDR="::ffff:10.1.2.3").status_code == 200
    refused = get_keys(raw, REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="10.1.2.3")
    assert (refused.status_code, code(refused)) == (403, "auth.address_not_allowed")
    settings.TRUSTED_PROXIES = ["203.0.113.0/24"]
    assert get_keys(raw, REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="10.1.2.3").status_code == 200
    spoofed = "10.1.2.3, 198.51.100.1"
    assert get_keys(raw, REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR=spoofed).status_code == 403


def test_a_key_may_do_what_its_scopes_open_and_its_role_holds(actors: Actors) -> None:
    assert keys.granted(Role.ANALYST, ["datasets:write"]) == {
        "datasets.create",
        "datasets.ingest",
        "datasets.change",
    }
    assert keys.granted(Role.VIEWER, ["datasets:write", "mcp"]) == frozenset()
    assert keys.granted(Role.MANAGER, ["datasets:manage"]) == {
        "datasets.publish",
        "datasets.schedule",
        "datasets.delete",
    }
    assert keys.granted(Role.ADMIN, ["metrics:ingest"]) == {"metrics.write"}


def test_a_key_outside_its_scopes_is_forbidden(actors: Actors, usable: Callable[..., str]) -> None:
    raw = usable(scopes=["datasets:read"])

    assert (get_keys(raw).status_code, code(get_keys(raw))) == (403, "permission.denied")


def test_a_key_belongs_to_one_organization(actors: Actors, usable: Callable[..., str]) -> None:
    raw = usable()
    own, other = actors.organization, actors.stranger.organization
    assert other is not None

    for name in (str(own.pk), own.slug):
        assert get_keys(raw, HTTP_X_ORGANIZATION=name).status_code == 200
    for name in (str(other.pk), other.slug):
        assert get_keys(raw, HTTP_X_ORGANIZATION=name).status_code == 404
    listed = APIClient().get("/api/v1/organizations", HTTP_X_API_KEY=raw).json()["results"]
    assert [(row["id"], row["role"]) for row in listed] == [(str(own.pk), "analyst")]


@pytest.mark.parametrize(
    ("fields", "status", "expected"),
    [
        ({"role": "manager"}, 403, "accounts.role_too_high"),
        ({"scopes": ["datasets:manage"]}, 403, "accounts.scope_too_wide"),
        ({"scopes": ["datasets:everything"]}, 422, "request.invalid"),
        ({"scopes": []}, 422, "request.invalid"),
        ({"role": "owner"}, 422, "request.invalid"),
        ({"allowed_cidrs": ["10.0.0.0/99"]}, 422, "request.invalid"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "request.invalid"),
        ({"expires_at": "2099-01-01T00:00:00"}, 422, "request.invalid"),
        ({"colour": "red"}, 422, "request.invalid"),
    ],
)
def test_a_key_that_cannot_be_given_is_refused(
    actors: Actors, fields: dict[str, Any], status: int, expected: str
) -> None:
    answer = create(actors.analyst, **fields)

    assert (answer.status_code, code(answer)) == (status, expected)
    assert not ApiKey.objects.exists()


def test_the_101st_key_of_an_organization_is_refused(actors: Actors) -> None:
    new = keys.new_key()
    ApiKey.objects.bulk_create(
        ApiKey(
            organization=actors.organization,
            name=str(number),
            role=Role.VIEWER,
            prefix=f"{number:08}",
            hash=new.hash,
            pepper_id=new.pepper_id,
            scopes=["datasets:read"],
        )
        for number in range(100)
    )

    answer = create(actors.analyst)
    assert (answer.status_code, code(answer)) == (409, "accounts.key_limit")
    ApiKey.objects.filter(name="1").update(revoked_at=timezone.now())
    assert create(actors.analyst).status_code == 201


def test_a_used_key_moves_to_the_newest_pepper(usable: Callable[..., str], settings: Settings) -> None:
    raw = usable()
    settings.KEY_PEPPERS = ["n" * 40, *settings.KEY_PEPPERS]
    assert get_keys(raw).status_code == 200

    settings.KEY_PEPPERS = ["n" * 40]
    assert get_keys(raw).status_code == 200


def test_a_key_outlives_its_creators_membership_and_says_so(actors: Actors) -> None:
    body = create(actors.analyst).json()
    assert body["creator_left"] is False
    assert actors.analyst.user is not None
    actors.analyst.user.memberships.all().delete()

    shown = actors.admin.api.get(f"{KEYS}/{body['id']}").json()
    assert shown["creator_left"] is True
    assert APIClient().get("/api/v1/datasets", HTTP_X_API_KEY=body["key"]).status_code == 200


def test_a_key_outlives_the_locking_out_of_its_creator_and_says_so(actors: Actors) -> None:
    body = create(actors.analyst).json()
    assert actors.analyst.user is not None
    lock_user(user=actors.analyst.user, operator=create_member(actors.organization, Role.ADMIN))

    assert actors.admin.api.get(f"{KEYS}/{body['id']}").json()["creator_left"] is True
    assert APIClient().get("/api/v1/datasets", HTTP_X_API_KEY=body["key"]).status_code == 200
    assert actors.analyst.api.get(KEYS).status_code == 401


def test_the_list_takes_the_same_queries_with_20_keys(actors: Actors, same_queries: Check) -> None:
    same_queries("GET /api/v1/api-keys", lambda: create(actors.admin), lambda: actors.admin.api.get(KEYS))


def test_a_scheme_other_than_bearer_is_refused(client: Client) -> None:
    answer = client.get(KEYS, HTTP_AUTHORIZATION="Basic YTpi")
    assert (answer.status_code, code(answer)) == (401, "auth.token_invalid")
