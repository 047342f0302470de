"""API keys after they were made: narrowed, rotated, explained, and when they were used last."""

import datetime as dt
from typing import Any

import pytest
import redis
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.key_powers import powers_of
from apps.accounts.models import ApiKey, AuditEntry, Role
from apps.accounts.periodic import flush_key_usage
from apps.accounts.services import set_suspended
from tests.furniture.people import Actors, Person

KEYS = "/api/v1/api-keys"
SOON = "2098-01-01T00:00:00Z"
BODY = {
    "name": "Loader",
    "role": "analyst",
    "scopes": ["accounts:read", "accounts:write", "datasets:read"],
    "rate_per_minute": 100,
    "points_per_minute": 5_000,
    "allowed_cidrs": ["127.0.0.0/8", "10.0.0.0/8"],
    "expires_at": SOON,
}


def make(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.api.post(KEYS, BODY | fields, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def use(raw: str, **headers: Any) -> Any:
    return APIClient().get(KEYS, HTTP_X_API_KEY=raw, **headers)


def change(person: Person, key: dict[str, Any], **fields: Any) -> Any:
    return person.api.patch(f"{KEYS}/{key['id']}", fields, format="json")


NARROWER = {
    "role": "viewer",
    "scopes": ["datasets:read"],
    "rate_per_minute": 99,
    "points_per_minute": 1,
    "allowed_cidrs": ["10.1.0.0/16", "127.0.0.1/32"],
    "expires_at": "2097-01-01T00:00:00Z",
}
WIDER = {
    "role": "manager",
    "scopes": ["accounts:read", "datasets:write"],
    "rate_per_minute": 101,
    "points_per_minute": None,
    "allowed_cidrs": ["10.0.0.0/7"],
    "expires_at": "2099-01-01T00:00:00Z",
}


def test_a_key_can_be_narrowed_in_everything(actors: Actors) -> None:
    key = make(actors.analyst)
    answer = change(actors.analyst, key, name="Reader", **NARROWER)

    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert {name: shown[name] for name in NARROWER} == NARROWER
    assert shown["name"] == "Reader"
    assert use(key["key"]).json()["code"] == "permission.denied"


@pytest.mark.parametrize("field", WIDER)
def test_a_key_is_never_widened(actors: Actors, field: str) -> None:
    key = make(actors.admin)
    answer = change(actors.admin, key, **{field: WIDER[field]})

    assert (answer.status_code, answer.json()["code"]) == (403, "accounts.scope_too_wide")
    assert [item["pointer"] for item in answer.json()["errors"]] == [f"/{field}"]
    assert actors.admin.api.get(f"{KEYS}/{key['id']}").json()[field] == BODY[field]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"allowed_cidrs": []}, 403),
        ({"allowed_cidrs": ["::1/128"]}, 403),
        ({"scopes": ["datasets:manage"]}, 403),
        ({"scopes": ["datasets:everything"]}, 422),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_what_is_no_narrowing_is_refused(actors: Actors, fields: dict[str, Any], status: int) -> None:
    key = make(actors.analyst)
    assert change(actors.analyst, key, **fields).status_code == status


def test_limits_may_be_set_where_a_key_had_none(actors: Actors) -> None:
    free: dict[str, Any] = {
        "rate_per_minute": None,
        "points_per_minute": None,
        "allowed_cidrs": [],
        "expires_at": None,
    }
    key = make(actors.analyst, **free)

    wanted = {name: BODY[name] for name in free}
    answer = change(actors.analyst, key, **wanted)
    assert {name: answer.json()[name] for name in free} == wanted


def test_a_rotated_key_and_its_successor_overlap_for_a_day(actors: Actors) -> None:
    old = make(actors.analyst)
    answer = actors.analyst.api.post(f"{KEYS}/{old['id']}/rotate", {}, format="json")

    assert answer.status_code == 201, answer.content
    new = answer.json()
    assert answer["Location"].endswith(f"{KEYS}/{new['id']}")
    assert new["replaces"] == old["id"]
    assert {name: new[name] for name in BODY} == BODY
    assert new["key"] != old["key"]
    assert [use(key["key"]).status_code for key in (old, new)] == [200, 200]
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=86_401)):
        assert use(old["key"]).json()["code"] == "auth.key_expired"
        assert use(new["key"]).status_code == 200


def test_a_rotation_without_overlap_ends_the_old_key_at_once(actors: Actors) -> None:
    old = make(actors.analyst)
    address = f"{KEYS}/{old['id']}/rotate"
    new = actors.analyst.api.post(address, {"overlap_s": 0}, format="json").json()

    assert use(old["key"]).json()["code"] == "auth.key_expired"
    assert use(new["key"]).status_code == 200
    again = actors.analyst.api.post(address, {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict.state")


def test_an_overlap_never_prolongs_a_key(actors: Actors) -> None:
    ends_at = timezone.now().replace(microsecond=0) + dt.timedelta(minutes=5)
    old = make(actors.analyst, expires_at=ends_at.isoformat())
    actors.analyst.api.post(f"{KEYS}/{old['id']}/rotate", {"overlap_s": 604_800}, format="json")

    assert ApiKey.objects.get(pk=old["id"]).expires_at == ends_at


@pytest.mark.parametrize("overlap_s", [-1, 604_801, None, "soon"])
def test_an_overlap_is_at_most_a_week(actors: Actors, overlap_s: Any) -> None:
    old = make(actors.analyst)
    answer = actors.analyst.api.post(f"{KEYS}/{old['id']}/rotate", {"overlap_s": overlap_s}, format="json")
    assert answer.status_code == 422


def test_nobody_gets_a_key_above_their_role_by_rotating(actors: Actors) -> None:
    key = make(actors.manager, role="manager")
    assert actors.manager.user is not None
    actors.manager.user.memberships.update(role=Role.ANALYST)

    answer = actors.manager.api.post(f"{KEYS}/{key['id']}/rotate", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "accounts.role_too_high")


@pytest.mark.parametrize(
    ("name", "status"), [("viewer", 403), ("manager", 404), ("stranger", 404), ("anonymous", 401)]
)
def test_others_neither_narrow_nor_rotate_nor_look_into_a_key(actors: Actors, name: str, status: int) -> None:
    key = make(actors.analyst)
    api = actors[name].api

    assert change(actors[name], key, name="mine").status_code == status
    assert api.post(f"{KEYS}/{key['id']}/rotate", {}, format="json").status_code == status
    assert api.get(f"{KEYS}/{key['id']}/permissions").status_code == status


def powers(actors: Actors, key: dict[str, Any]) -> dict[str, Any]:
    answer = actors.admin.api.get(f"{KEYS}/{key['id']}/permissions")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_a_key_says_what_it_may_do_and_that_its_role_cuts_it(actors: Actors) -> None:
    key = make(actors.admin, role="manager", scopes=["datasets:read", "accounts:manage"], allowed_cidrs=[])
    found = powers(actors, key)

    held = ["accounts.invite", "accounts.manage_jobs", "datasets.export", "datasets.view"]
    assert found["permissions"] == held
    [cut] = found["cut_by"]
    assert (cut["by"], found["role"]) == ("role", "manager")
    assert "accounts.manage_keys" in cut["permissions"]


def test_a_demoted_creator_cuts_their_keys_at_once(actors: Actors) -> None:
    key = make(actors.analyst)
    assert use(key["key"]).status_code == 200
    assert actors.analyst.user is not None
    actors.analyst.user.memberships.update(role=Role.VIEWER)

    assert use(key["key"]).json()["code"] == "permission.denied"
    found = powers(actors, key)
    assert found["role"] == "viewer"
    cuts = {cut["by"]: cut["permissions"] for cut in found["cut_by"]}
    assert cuts == {"creator_role": ["accounts.create_key"], "address": []}


def test_suspension_and_expiry_leave_a_key_nothing(actors: Actors) -> None:
    key = make(actors.analyst, allowed_cidrs=[])
    ApiKey.objects.filter(pk=key["id"]).update(expires_at=timezone.now())
    found = powers(actors, key)

    assert found["permissions"] == []
    assert [cut["by"] for cut in found["cut_by"]] == ["expired"]
    assert "datasets.view" in found["cut_by"][0]["permissions"]
    set_suspended(organization=actors.organization, is_suspended=True)
    row = ApiKey.objects.with_creator().get(pk=key["id"])
    shut = powers_of(row, now=timezone.now() - dt.timedelta(days=1))
    assert (shut.permissions, [cut.by for cut in shut.cut_by]) == ((), ["organization_suspended"])


def test_a_key_makes_no_key_that_can_do_more_than_itself(actors: Actors) -> None:
    raw = make(actors.admin, scopes=["accounts:read", "accounts:write", "mcp"], role="admin")["key"]

    def try_scopes(*scopes: str) -> Any:
        body = {"name": "child", "role": "analyst", "scopes": scopes}
        return APIClient().post(KEYS, body, format="json", HTTP_X_API_KEY=raw)

    assert try_scopes("accounts:write", "mcp").status_code == 201
    for scopes in (["datasets:read"], ["accounts:write", "health:read"]):
        answer = try_scopes(*scopes)
        assert (answer.status_code, answer.json()["code"]) == (403, "accounts.scope_too_wide")


def test_each_act_on_a_key_is_in_the_audit_and_no_secret_is(actors: Actors) -> None:
    key = make(actors.analyst)
    change(actors.analyst, key, rate_per_minute=5)
    change(actors.analyst, key, rate_per_minute=5)
    new = actors.analyst.api.post(f"{KEYS}/{key['id']}/rotate", {}, format="json").json()
    assert actors.admin.api.delete(f"{KEYS}/{new['id']}").status_code == 204

    entries = AuditEntry.objects.filter(verb__startswith="accounts.key").order_by("created_at", "id")
    assert [entry.verb for entry in entries] == [
        "accounts.key_created",
        "accounts.key_changed",
        "accounts.key_rotated",
        "accounts.key_revoked",
    ]
    assert entries[1].changes == {"rate_per_minute": 5}
    kept = repr(list(entries.values()))
    assert key["key"][13:] not in kept
    assert new["key"][13:] not in kept


def test_last_use_is_written_by_the_clock(actors: Actors, valkey: redis.Redis) -> None:
    key = make(actors.analyst)
    start = timezone.now()
    assert use(key["key"], REMOTE_ADDR="10.0.0.1").status_code == 200
    assert use(key["key"], REMOTE_ADDR="10.0.0.2").status_code == 200
    before = ApiKey.objects.get(pk=key["id"])
    assert before.last_used_at is None

    flush_key_usage()
    row = ApiKey.objects.get(pk=key["id"])
    assert row.last_used_at is not None
    assert start <= row.last_used_at <= timezone.now()
    assert (row.last_used_ip, row.updated_at) == ("10.0.0.2", before.updated_at)
    assert not valkey.exists("sextant:key-usage", "sextant:key-usage:taken")
    flush_key_usage()


def test_uses_that_a_dead_run_took_are_written_by_the_next(actors: Actors, valkey: redis.Redis) -> None:
    key = make(actors.analyst)
    valkey.hset("sextant:key-usage:taken", key["id"], "1763600000.5 10.0.0.9")
    use(key["key"])

    flush_key_usage()
    assert ApiKey.objects.get(pk=key["id"]).last_used_ip == "10.0.0.9"
    flush_key_usage()
    assert ApiKey.objects.get(pk=key["id"]).last_used_ip == "127.0.0.1"
