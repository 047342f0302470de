"""The counting behind rate limits: many at once, several limits together, without Valkey, on event loops."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.common import throttles
from apps.common.errors import Forbidden, TooLarge
from apps.common.quotas import DEFAULTS, Quota, merged, parse_quotas
from apps.common.throttles import Caller, RateLimited, stores, take, take_async, take_for, take_for_async
from apps.common.throttles.gcra import SECOND_US, Bucket, decide, fits
from apps.common.throttles.stores import PROCESS_BUCKETS_MAX, ProcessBuckets
from apps.common.valkey import valkey_at
from config import env
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.people import Actors
from tests.furniture.stopwatch import seconds_waited

ANALYST = Caller("user:1", "analyst", organization="o")
LOGIN = "/api/v1/auth/login"


def passes(scope: str, subject: str = "x") -> bool:
    (column,) = django_settings.RATE_LIMITS[scope]
    try:
        take(scope, {column: subject})
    except RateLimited:
        return False
    return True


@given(
    quota=st.integers(1, 5_000),
    window_s=st.sampled_from([1, 60, 3_600]),
    waits_us=st.lists(st.integers(0, 90 * SECOND_US), min_size=1, max_size=60),
)
def test_a_bucket_gives_its_quota_and_what_came_back_since_and_never_more(
    quota: int, window_s: int, waits_us: list[int]
) -> None:
    bucket = Bucket("b", "b", quota, window_s)
    used_us, passed, clock_us = 0.0, 0, 0
    for wait_us in waits_us:
        clock_us += wait_us
        used_us = max(0.0, used_us - wait_us)
        has_passed = fits(bucket, used_us)
        decision = decide([bucket], [used_us], has_passed=has_passed)
        assert (decision.wait_s == 0) is has_passed
        assert 1 <= decision.next_s <= window_s + 1
        if has_passed:
            passed += 1
            used_us += bucket.step_us
        assert decision.remaining == pytest.approx((bucket.window_us - used_us) / bucket.step_us, abs=1)
        assert passed <= quota + clock_us / bucket.step_us + 0.1


def test_several_units_are_taken_together_or_not_at_all() -> None:
    bucket = Bucket("b", "b", quota=10, window_s=60, cost=4)
    assert fits(bucket, 6 * bucket.step_us)
    refused = decide([bucket], [8 * bucket.step_us], has_passed=False)
    assert (refused.remaining, refused.next_s, refused.wait_s) == (2, 6, 12)


def test_of_parallel_requests_exactly_the_quota_passes(valkey: redis.Redis, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"preview_create": "40/h"})
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda _: passes("preview_create"), range(100)))

    assert outcomes.count(True) == 40


def test_both_windows_of_ai_count_and_the_tighter_one_is_told(settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"ai": ["2/h", "3/d"]})
    started = time.monotonic()
    told = [take_for(ANALYST, "ai").headers["RateLimit-Policy"] for _ in range(2)]
    assert told == ['"ai";q=2;w=3600'] * 2
    with pytest.raises(RateLimited) as refused:
        take_for(ANALYST, "ai")

    assert refused.value.decision.quota == 2
    assert 1_800 - (time.monotonic() - started) <= refused.value.decision.wait_s <= 1_800
    settings.RATE_LIMITS = merged({"ai": ["9/m", "3/d"]})
    # The refused one was charged nowhere: one of three a day is left.
    assert take_for(ANALYST, "ai").remaining == 0
    with pytest.raises(RateLimited) as refused:
        take_for(ANALYST, "ai")
    assert refused.value.decision.headers["RateLimit-Policy"] == '"ai";q=3;w=86400'


def test_an_organization_and_the_installation_may_have_limits(settings: Settings) -> None:
    settings.ORG_RATE_PER_MINUTE, settings.GLOBAL_RATE_PER_MINUTE = 3, 5
    for number in range(3):
        take_for(Caller(f"user:{number}", "viewer", organization="o"), "api")
    with pytest.raises(RateLimited) as refused:
        take_for(ANALYST, "api")
    assert refused.value.decision.policy == "organization"

    for _ in range(2):
        take_for(Caller("ip:1", "anonymous"), "api")
    with pytest.raises(RateLimited) as refused:
        take_for(Caller("user:9", "viewer", organization="other"), "api")
    assert refused.value.decision.policy == "installation"


def test_a_key_sets_its_own_plain_requests_and_lowers_others() -> None:
    slow = Caller("key:1", "key", organization="o", requests_per_minute=30)
    fast = Caller("key:2", "key", organization="o", requests_per_minute=5_000)

    assert [take_for(slow, scope).quota for scope in ("api", "points", "map", "export")] == [30, 30, 30, 20]
    assert [take_for(fast, scope).quota for scope in ("api", "points", "map")] == [5_000, 5_000, 1_200]


def test_points_count_where_the_key_limits_them_and_a_batch_above_is_too_large() -> None:
    key = Caller("key:1", "key", organization="o", points_per_minute=100)
    assert take_for(key, "points", points=60).remaining == 40
    with pytest.raises(RateLimited) as refused:
        take_for(key, "points", points=60)
    assert refused.value.decision.policy == "points_per_minute"
    with pytest.raises(TooLarge):
        take_for(key, "points", points=101)
    assert take_for(Caller("key:2", "key"), "points", points=1_000_000).policy == "points"


def test_a_viewer_has_no_part_in_what_the_table_leaves_out() -> None:
    with pytest.raises(Forbidden):
        take_for(Caller("user:1", "viewer", organization="o"), "ingest")


def test_the_same_limit_holds_on_event_loops(settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"preview_create": "2/h", "api": "2/h"})

    async def twice() -> list[int | None]:
        try:
            first = await take_async("preview_create", {"project": "p"})
            return [first.remaining, (await take_for_async(ANALYST, "api")).remaining]
        finally:
            await valkey_at(django_settings.REDIS_URL)._client_of_loop().aclose()

    assert asyncio.run(twice()) == [1, 1]
    assert asyncio.run(twice()) == [0, 0]
    with pytest.raises(RateLimited):
        asyncio.run(twice())
    assert not passes("preview_create", "p")


@pytest.fixture
def own_valkey(tmp_path: Path, settings: Settings, products_patience: None) -> Iterator[OwnValkey]:
    server = OwnValkey(tmp_path)
    server.start()
    settings.REDIS_URL = server.url
    yield server
    server.stop(and_forget=True)


def test_without_valkey_guards_count_in_the_process_and_the_rest_passes(
    own_valkey: OwnValkey, actors: Actors, settings: Settings
) -> None:
    settings.RATE_LIMITS = merged({"auth_login": "2/h", "api": "1/h", "auth_failed": "5/h"})
    own_valkey.stop()

    answers = [actors.analyst.api.get("/api/v1/datasets") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[2]["RateLimit-Policy"] == '"api";q=1;w=3600'
    assert "RateLimit" not in answers[2]
    body = {"email": "a@example.com", "password": "wrong"}
    tries = [APIClient().post(LOGIN, body, format="json").status_code for _ in range(3)]
    assert tries == [401, 401, 429]
    assert asyncio.run(take_for_async(ANALYST, "api")).remaining is None
    own_valkey.start()


def test_a_hanging_valkey_costs_half_a_second_once_and_comes_back(own_valkey: OwnValkey) -> None:
    assert take_for(ANALYST, "api").remaining == 239
    own_valkey.freeze()
    found: list[int | None] = []
    assert seconds_waited(lambda: found.extend(take_for(ANALYST, "api").remaining for _ in range(5))) < 0.95
    assert found == [None] * 5
    own_valkey.thaw()
    time.sleep(1.1)

    assert take_for(ANALYST, "api").remaining is not None


def test_a_hanging_valkey_holds_no_event_loop_either(own_valkey: OwnValkey) -> None:
    async def ask() -> int | None:
        try:
            return (await take_for_async(ANALYST, "api")).remaining
        finally:
            await valkey_at(own_valkey.url)._client_of_loop().aclose()

    assert asyncio.run(ask()) == 239
    own_valkey.freeze()
    assert asyncio.run(ask()) is None
    own_valkey.thaw()


def test_notes_are_none_while_valkey_is_away(own_valkey: OwnValkey) -> None:
    own_valkey.stop()
    assert stores.collect_notes(own_valkey.url, "notes") == {}
    own_valkey.start()


def test_the_process_forgets_what_was_touched_longest_ago() -> None:
    process = ProcessBuckets()
    for number in range(PROCESS_BUCKETS_MAX + 1):
        assert process.take([Bucket("b", str(number), 1, 60)], now_us=0)[0]

    assert process.take([Bucket("b", "0", 1, 60)], now_us=0)[0]
    assert not process.take([Bucket("b", str(PROCESS_BUCKETS_MAX), 1, 60)], now_us=0)[0]
    assert process.take([Bucket("b", str(PROCESS_BUCKETS_MAX), 1, 60)], now_us=60.0 * SECOND_US)[0]


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_a_window(valkey: redis.Redis) -> None:
    take_for(ANALYST, "api")
    (key,) = valkey.keys(f"{throttles.PREFIX}:*")
    valkey.set(key, 10**18)

    with pytest.raises(RateLimited) as refused:
        take_for(ANALYST, "api")
    assert refused.value.decision.wait_s == 1


def test_buckets_are_forgotten_when_they_are_full_again(valkey: redis.Redis) -> None:
    take("preview_create", {"project": "p"})
    (key,) = valkey.keys(f"{throttles.PREFIX}:*")
    assert 178_000 <= valkey.pttl(key) <= 180_000


ROLES = ("viewer", "analyst", "manager", "admin", "key")


@pytest.mark.parametrize(
    ("scope", "amounts"),
    [
        ("api", (120, 240, 360, 480, 1_000)),
        ("map", (600, 900, 1_200, 1_200, 1_200)),
        ("export", (10, 20, 20, 20, 20)),
        ("ingest", (None, 5, 10, 10, 10)),
        ("points", (None, 300, 300, 300, 1_000)),
        ("train", (None, 5, 5, 5, 5)),
        ("evaluate", (None, 5, 5, 5, 5)),
        ("refactor", (None, 5, 5, 5, 5)),
        ("mcp", (60, 120, 120, 120, 120)),
    ],
)
def test_the_table_is_that_of_the_specification(scope: str, amounts: tuple[int | None, ...]) -> None:
    found = [DEFAULTS[scope].get(role) for role in ROLES]
    assert found == [amount and (Quota(amount),) for amount in amounts]


def test_the_other_limits_are_those_of_the_specification() -> None:
    assert DEFAULTS["api"]["anonymous"] == (Quota(60),)
    assert {DEFAULTS["ai"].get(role) for role in ROLES} == {None, (Quota(10), Quota(100, 3_600))}
    assert DEFAULTS["auth_login"] == {"ip_and_address": (Quota(10),), "ip": (Quota(60),)}
    assert DEFAULTS["auth_refresh"] == {"session": (Quota(60),), "ip": (Quota(240),)}
    assert DEFAULTS["auth_mail"] == {"address": (Quota(5, 3_600),), "ip": (Quota(20, 3_600),)}
    assert DEFAULTS["auth_failed"] == {"ip": (Quota(30),)}
    assert DEFAULTS["sync"] == {"project": (Quota(1, 300),), "managed_project": (Quota(1, 30),)}
    assert DEFAULTS["preview_create"] == {"project": (Quota(20, 3_600),)}
    assert DEFAULTS["preview_resolve"] == {"ip": (Quota(30),), "failures": (Quota(300),)}


@pytest.mark.parametrize(
    ("value", "quotas"),
    [
        (240, (Quota(240),)),
        ("240", (Quota(240),)),
        ("100/h", (Quota(100, 3_600),)),
        ("1/300s", (Quota(1, 300),)),
        ([20, "200/d"], (Quota(20), Quota(200, 86_400))),
    ],
)
def test_operators_write_quotas_in_short(value: Any, quotas: tuple[Quota, ...]) -> None:
    assert parse_quotas(value) == quotas
    assert merged({"export": value})["export"]["viewer"] == quotas
    assert merged({"export": {"viewer": value}})["export"]["analyst"] == (Quota(20),)


@pytest.mark.parametrize(
    "text",
    ['{"nothing": 1}', '{"api": {"guest": 1}}', '{"api": 0}', '{"api": "many"}', '{"api": []}', "[]", "{"],
)
def test_a_table_that_does_not_fit_stops_the_start_with_its_name(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMITS", text)
    with pytest.raises(ImproperlyConfigured, match="RATE_LIMITS"):
        env.env_checked("RATE_LIMITS", {}, merged)
