"""Rate limits as a caller meets them: how much passes, what the headers say, who is counted with whom."""

import math
import re
import time
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.common.quotas import merged
from tests.furniture.people import Actors

DATASETS = "/api/v1/datasets"
LOGIN = "/api/v1/auth/login"
POLICY = re.compile(r'"([a-z_]+)";q=(\d+);w=(\d+)')
STATE = re.compile(r'"([a-z_]+)";r=(\d+);t=(\d+)')


def told(answer: Any) -> tuple[str, int, int, int]:
    """Return name, quota, what remains and when there will be more, as the headers tell."""
    policy, state = POLICY.fullmatch(answer["RateLimit-Policy"]), STATE.fullmatch(answer["RateLimit"])
    assert policy
    assert state
    assert policy[1] == state[1]
    return policy[1], int(policy[2]), int(state[2]), int(state[3])


@pytest.mark.parametrize(
    ("name", "quota"), [("viewer", 120), ("analyst", 240), ("manager", 360), ("admin", 480), ("key", 1_000)]
)
def test_every_answer_tells_the_quota_of_the_role(actors: Actors, name: str, quota: int) -> None:
    started = time.monotonic()
    answer = actors[name].api.get(DATASETS)
    after = told(actors[name].api.get(DATASETS))[2]
    # Units come back all the while: up to 17 a second, and a slow machine takes that long for two requests.
    came_back = math.ceil((time.monotonic() - started) * quota / 60)

    assert (answer.status_code, answer["RateLimit-Policy"]) == (200, f'"api";q={quota};w=60')
    assert answer["RateLimit"] == f'"api";r={quota - 1};t=1'
    assert quota - 2 <= after <= min(quota - 1, quota - 2 + came_back)


def test_each_request_takes_one_of_the_quota(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"api": "240/d"})
    assert [told(actors.manager.api.get(DATASETS))[2] for _ in range(3)] == [239, 238, 237]


def test_request_q_passes_and_the_next_one_at_once_is_429(actors: Actors, settings: Settings) -> None:
    """Edge case 8."""
    settings.RATE_LIMITS = merged({"api": {"analyst": "6/h"}})
    started = time.monotonic()
    passed = [actors.analyst.api.get(DATASETS) for _ in range(6)]
    refused = actors.analyst.api.get(DATASETS)
    took_s = time.monotonic() - started

    assert [answer.status_code for answer in passed] == [200] * 6
    assert [told(answer)[2] for answer in passed] == [5, 4, 3, 2, 1, 0]
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["code"] == "rate.limited"
    name, quota, remaining, next_s = told(refused)
    assert (name, quota, remaining) == ("api", 6, 0)
    assert next_s == int(refused["Retry-After"])
    assert 600 - took_s <= next_s <= 600


def test_people_keys_and_organizations_do_not_use_up_each_others(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"api": "1/h"})
    assert actors.analyst.api.get(DATASETS).status_code == 200
    assert actors.analyst.api.get(DATASETS).status_code == 429

    for name in ("admin", "viewer", "stranger", "key"):
        assert actors[name].api.get(DATASETS).status_code == 200, name


def test_the_map_has_a_limit_of_its_own(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"api": "1/h", "map": {"viewer": "2/h"}})
    answers = [actors.viewer.api.get("/api/v1/hexes") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert told(answers[2])[:3] == ("map", 2, 0)
    assert actors.viewer.api.get(DATASETS).status_code == 200


def test_what_is_refused_counts_as_well(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"api": {"viewer": "4/h"}})
    api = actors.viewer.api
    tried = (
        api.post(DATASETS, {"name": "a"}, format="json"),
        api.get(DATASETS, {"key": "sxk_1"}),
        api.get(DATASETS, HTTP_X_ORGANIZATION="nowhere"),
        api.get(f"{DATASETS}/unknown"),
    )

    assert [answer.status_code for answer in tried] == [403, 400, 404, 404]
    assert all("RateLimit" in answer for answer in tried)
    # The key in the address is not read, so nobody is signed in then; an unknown organization has no roles.
    assert [told(answer)[1] for answer in tried] == [4, 60, 4, 4]


def test_anonymous_callers_share_a_quota_by_address(db: None, settings: Settings) -> None:
    assert told(Client().get("/api/v1/nothing/here"))[:3] == ("api", 60, 59)
    settings.RATE_LIMITS = merged({"api": {"anonymous": "6/h"}})
    answers = [Client().get("/api/v1/nothing/here", REMOTE_ADDR="192.0.2.1") for _ in range(7)]

    assert [answer.status_code for answer in answers] == [404] * 6 + [429]
    assert Client().get("/api/v1/openapi.json", REMOTE_ADDR="192.0.2.1").status_code == 429
    assert Client().get("/api/v1/nothing/here", REMOTE_ADDR="192.0.2.2").status_code == 404
    assert Client().get("/api/v1/health", REMOTE_ADDR="192.0.2.1").status_code != 429


def test_failed_sign_ins_of_an_address_end_with_429_whatever_was_tried(db: None, settings: Settings) -> None:
    assert told(APIClient().get(DATASETS, REMOTE_ADDR="192.0.2.3"))[:3] == ("auth_failed", 30, 29)
    settings.RATE_LIMITS = merged({"auth_failed": "4/h"})
    tries = [
        APIClient().get(DATASETS),
        APIClient().get(DATASETS, HTTP_X_API_KEY="sxk_1"),
        APIClient().get(DATASETS, HTTP_AUTHORIZATION="Bearer nonsense"),
    ]
    tries.append(APIClient().post(LOGIN, {"email": "a@example.com", "password": "wrong"}, format="json"))
    assert [answer.status_code for answer in tries] == [401] * 4

    refused = APIClient().get(DATASETS, HTTP_X_API_KEY="sxk_1")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate.limited")
    assert "WWW-Authenticate" not in refused
    assert APIClient().get(DATASETS, REMOTE_ADDR="192.0.2.2").status_code == 401


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(db: None, settings: Settings) -> None:
    """Edge case 7."""
    settings.RATE_LIMITS = merged({"api": {"anonymous": "2/h"}})

    def ask(forwarded: str) -> int:
        return Client().get("/api/v1/nothing", HTTP_X_FORWARDED_FOR=forwarded).status_code

    assert [ask(f"198.51.100.{number}") for number in range(3)] == [404, 404, 429]
    settings.TRUSTED_PROXIES = ["127.0.0.1/32"]
    assert [ask(f"198.51.100.{number}") for number in range(3)] == [404, 404, 404]
    # What the client itself put in front of the proxy's entry is not believed.
    assert [ask(f"203.0.113.{number}, 198.51.100.9") for number in range(3)] == [404, 404, 429]


def test_sign_ins_count_by_network_address_and_by_whom_they_try(db: None, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"auth_login": {"ip_and_address": "2/h", "ip": "4/h"}})

    def try_as(email: str) -> Any:
        return APIClient().post(LOGIN, {"email": email, "password": "x" * 12}, format="json")

    assert [try_as("a@example.com").status_code for _ in range(2)] == [401, 401]
    refused = try_as("A@Example.com")
    assert (refused.status_code, told(refused)[:3]) == (429, ("auth_login", 2, 0))
    assert [try_as(f"{number}@example.com").status_code for number in range(3)] == [401, 401, 429]


def test_the_sign_in_page_counts_with_the_api(db: None, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"auth_login": {"ip_and_address": "2/h"}})
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    form = {"login": "a@example.com", "password": "wrong"}

    assert [Client().post("/accounts/login/", form).status_code for _ in range(2)] == [200, 200]
    refused = Client().post("/accounts/login/", form)
    assert (refused.status_code, refused["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert int(refused["Retry-After"]) >= 1
    body = {"email": "a@example.com", "password": "wrong"}
    assert APIClient().post(LOGIN, body, format="json").status_code == 429


def test_a_restarted_valkey_gets_the_script_again(actors: Actors) -> None:
    """Edge case 8."""
    assert told(actors.analyst.api.get(DATASETS))[2] == 239
    with redis.Redis.from_url(django_settings.REDIS_URL) as valkey:
        valkey.script_flush()
        valkey.flushdb()

    assert told(actors.analyst.api.get(DATASETS))[2] == 239
