"""Rotation of refresh tokens: grace for honest repetition, the end of the session for reuse."""

import base64
import datetime as dt
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import Role, Session, User
from apps.accounts.tokens import key_id
from tests.factories.accounts import PASSWORD, OrganizationFactory, create_member

pytestmark = pytest.mark.django_db

Clock = time_machine.Traveller
REFRESH = "/api/v1/auth/refresh"
START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def user() -> User:
    return create_member(OrganizationFactory.create(), Role.ANALYST)


def sign_in(user: User, **fields: str) -> Any:
    body = {"email": user.email, "password": PASSWORD, **fields}
    return APIClient().post("/api/v1/auth/login", body, format="json")


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token}, format="json")


def get_me(access: str) -> Any:
    return APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {access}")


def code(answer: Any) -> str:
    return str(answer.json()["code"])


def test_a_refresh_gives_a_new_pair_and_the_old_access_token_lives_a_moment_more(
    user: User, clock: Clock
) -> None:
    first = sign_in(user).json()
    clock.shift(60)
    answer = refresh(first["refresh"])

    assert answer.status_code == 200, answer.content
    second = answer.json()
    assert second["refresh"] != first["refresh"]
    assert Session.objects.get().generation == 1
    assert get_me(second["access"]).status_code == 200
    clock.shift(9)
    assert get_me(first["access"]).status_code == 200
    clock.shift(2)
    assert code(get_me(first["access"])) == "auth.token_superseded"
    assert get_me(second["access"]).status_code == 200


def test_two_tabs_and_a_lost_answer_get_the_same_new_refresh_token(user: User, clock: Clock) -> None:
    """Edge case 1."""
    first = sign_in(user).json()["refresh"]
    clock.shift(60)
    rotated = refresh(first).json()["refresh"]
    clock.shift(9)

    assert refresh(first).json()["refresh"] == rotated
    assert refresh(rotated).json()["refresh"] == rotated
    assert Session.objects.get().generation == 1
    clock.shift(2)
    assert refresh(rotated).json()["refresh"] != rotated


def test_the_previous_token_after_the_grace_ends_the_session_and_all_tokens(user: User, clock: Clock) -> None:
    first = sign_in(user).json()["refresh"]
    clock.shift(60)
    second = refresh(first).json()
    clock.shift(11)

    reused = refresh(first)
    assert (reused.status_code, code(reused)) == (401, "auth.token_reused")
    assert code(get_me(second["access"])) == "auth.session_revoked"
    assert code(refresh(second["refresh"])) == "auth.session_revoked"
    assert Session.objects.get().revoked_reason == "token_reused"


def test_a_token_of_two_generations_ago_is_reuse_even_within_the_grace(user: User, clock: Clock) -> None:
    first = sign_in(user).json()["refresh"]
    clock.shift(60)
    second = refresh(first).json()["refresh"]
    clock.shift(60)
    assert refresh(second).status_code == 200

    assert code(refresh(first)) == "auth.token_reused"


def test_the_session_ends_after_ninety_days_however_often_it_was_refreshed(user: User, clock: Clock) -> None:
    token = sign_in(user).json()["refresh"]
    for _ in range(3):
        clock.shift(dt.timedelta(days=29))
        token = refresh(token).json()["refresh"]
    clock.shift(dt.timedelta(days=3, seconds=20))

    assert refresh(token).status_code == 401
    assert jwt.decode(token, options={"verify_signature": False})["exp"] == int(
        (START + dt.timedelta(days=90)).timestamp()
    )


def test_an_expired_access_token_says_so_after_the_leeway(user: User, clock: Clock) -> None:
    access = sign_in(user).json()["access"]
    clock.shift(3600 + 9)
    assert get_me(access).status_code == 200
    clock.shift(2)
    assert code(get_me(access)) == "auth.token_expired"


def test_access_and_refresh_tokens_do_not_stand_in_for_each_other(user: User) -> None:
    """Edge case 2."""
    pair = sign_in(user).json()

    assert code(refresh(pair["access"])) == "auth.token_invalid"
    assert code(get_me(pair["refresh"])) == "auth.token_invalid"


def forged(
    access: str, *, header: dict[str, str] | None = None, key: str | None = None, **claims: Any
) -> str:
    payload = jwt.decode(access, options={"verify_signature": False}) | claims
    own = {"kid": key_id(settings.JWT_SIGNING_KEYS[0])}
    secret = key or settings.JWT_SIGNING_KEYS[0]
    return jwt.encode(payload, secret, algorithm="HS256", headers=own | (header or {}))


def unsigned(access: str, algorithm: str) -> str:
    def part(value: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    header = {"alg": algorithm, "typ": "JWT", "kid": key_id(settings.JWT_SIGNING_KEYS[0])}
    return f"{part(header)}.{access.split('.')[1]}."


FORGERIES: dict[str, Callable[[str], str]] = {
    "algorithm none": lambda access: unsigned(access, "none"),
    "algorithm RS256": lambda access: unsigned(access, "RS256"),
    "unknown key id": lambda access: forged(access, header={"kid": "ffffffff"}),
    "key id of another type": lambda access: forged(access, header={"kid": "../../etc"}),
    "foreign secret": lambda access: forged(access, key="x" * 40),
    "foreign audience": lambda access: forged(access, aud="elsewhere"),
    "foreign issuer": lambda access: forged(access, iss="elsewhere"),
    "unknown session": lambda access: forged(access, sid=str(uuid.uuid4())),
    "session of another user": lambda access: forged(access, sub=str(uuid.uuid4())),
    "generation to come": lambda access: forged(access, gen=7),
    "id that is none": lambda access: forged(access, sid="x"),
    "not a token": lambda access: "abc",
    "truncated": lambda access: access[:-4],
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_tokens_are_refused(user: User, name: str) -> None:
    """Edge case 2."""
    access = sign_in(user).json()["access"]

    assert get_me(forged(access)).status_code == 200
    answer = get_me(FORGERIES[name](access))
    assert (answer.status_code, code(answer)) == (401, "auth.token_invalid")


def test_a_token_of_an_older_signing_key_stays_good(user: User, settings: Settings) -> None:
    access = sign_in(user).json()["access"]
    settings.JWT_SIGNING_KEYS = ["n" * 40, *settings.JWT_SIGNING_KEYS]
    assert get_me(access).status_code == 200
    settings.JWT_SIGNING_KEYS = ["n" * 40]
    assert get_me(access).status_code == 401


def test_the_cookie_carries_the_refresh_token_and_is_cleared_when_refused(user: User, clock: Clock) -> None:
    client = APIClient()
    body = {"email": user.email, "password": PASSWORD, "transport": "cookie"}
    pair = client.post("/api/v1/auth/login", body, format="json")

    cookie = pair.cookies["sx_refresh"]
    assert pair.json()["refresh"] is None
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/api/v1/auth", "Strict", True)
    clock.shift(60)
    renewed = client.post(REFRESH)
    assert renewed.status_code == 200, renewed.content
    assert renewed.json()["refresh"] is None
    assert renewed.cookies["sx_refresh"].value != cookie.value
    clock.shift(60)
    client.cookies["sx_refresh"] = cookie.value
    refused = client.post(REFRESH)
    assert code(refused) == "auth.token_reused"
    assert refused.cookies["sx_refresh"].value == ""


def test_a_refresh_without_any_token_is_401(client: Client) -> None:
    answer = client.post(REFRESH, content_type="application/json")
    assert (answer.status_code, code(answer)) == (401, "auth.token_invalid")


@pytest.mark.django_db(transaction=True)
def test_of_parallel_refreshes_all_get_the_one_new_token(user: User) -> None:
    token = sign_in(user).json()["refresh"]
    barrier = threading.Barrier(8)

    def call(_: int) -> Any:
        try:
            barrier.wait()
            return refresh(token)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    assert Session.objects.get().generation == 1
