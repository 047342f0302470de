"""The sending calls at the door before Django: sign-in, limits, answers, what is shared by a group."""

import asyncio
import gzip
import json
from typing import Any

import httpx
from django.test import override_settings

from apps.accounts.models import ApiKey
from apps.metrics.models import Metric, PointSegment, Shard
from apps.metrics.recording import pressure
from tests.furniture.people import Actors, just_signed_in
from tests.metrics.sending.conftest import MakeKey
from tests.metrics.stored import stored_points

BATCH = "/api/v1/metrics/batch"
VALUE = "/api/v1/metrics/value"
COUNTER = "/api/v1/metrics/counter"


def values_of(actors: Actors) -> list[float]:
    return [value for _key, _at, value in stored_points(actors.organization.pk)]


def row(metric: str = "cpu", value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "type": "value", "value": value} | more


async def in_thread(work: Any, *arguments: Any) -> Any:
    return await asyncio.to_thread(work, *arguments)


async def test_a_point_is_stored_when_it_is_answered(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    answer = await doors.post(
        VALUE,
        json={"metric": "cpu", "value": 1.5, "tags": {"host": "a"}, "timestamp": 1_700_000_000},
        headers={"X-API-Key": key},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "metrics.timestamp_out_of_range"
    answer = await doors.post(
        VALUE, json={"metric": "cpu", "value": 1.5, "tags": {"host": "a"}}, headers={"X-API-Key": key}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in ("metric", "type", "value", "created")} == {
        "metric": "cpu;host=a",
        "type": "value",
        "value": 1.5,
        "created": True,
    }
    assert await in_thread(values_of, committed) == [1.5]
    assert str((await in_thread(Metric.objects.get)).pk) == body["id"]


async def test_a_counter_counts_one_unless_it_says_else(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    for body, value in (({"metric": "hits"}, 1), ({"metric": "hits", "value": 5}, 5)):
        answer = await doors.post(COUNTER, json=body, headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["value"]) == (201, value)
    assert await in_thread(values_of, committed) == [1.0, 5.0]


async def test_who_may_not_send_is_told(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    reader = await in_thread(make_key, "metrics:read")
    mistyped = reader[:-1] + ("a" if reader[-1] != "a" else "b")
    expected = ((reader, 403, "permission.denied"), (mistyped, 401, "auth.key_invalid"))
    for key, status, code in expected:
        answer = await doors.post(VALUE, json={"metric": "cpu", "value": 1}, headers={"X-API-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert await in_thread(values_of, committed) == []


async def test_a_revoked_key_is_refused_at_once(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    headers = {"X-API-Key": key}
    assert (await doors.post(COUNTER, json={"metric": "a"}, headers=headers)).status_code == 201
    await in_thread(lambda: ApiKey.objects.update(revoked_at="2026-01-01T00:00:00Z"))
    answer = await doors.post(COUNTER, json={"metric": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.key_invalid")


async def test_what_carries_no_key_goes_on_to_django(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    assert (await doors.post(VALUE, json={})).status_code == 418
    assert (await doors.get(VALUE, headers={"X-API-Key": "x"})).status_code == 418
    own_page = {"X-API-Key": "x", "Origin": "https://example.com"}
    assert (await doors.post(VALUE, json={}, headers=own_page)).status_code == 418


async def test_a_batch_is_all_or_nothing(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    points = [row(), row(value="nan"), row("mem", 3)]
    refused = await doors.post(BATCH, json={"points": points}, headers=headers)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/points/1/value"]
    assert not await in_thread(Metric.objects.exists)
    partial = await doors.post(f"{BATCH}?mode=partial", json={"points": points}, headers=headers)
    assert partial.status_code == 200
    assert {name: partial.json()[name] for name in ("accepted", "rejected", "rejected_by_code")} == {
        "accepted": 2,
        "rejected": 1,
        "rejected_by_code": {"metrics.invalid_value": "1"},
    }
    assert await in_thread(values_of, committed) == [1.0, 3.0]


async def test_echo_tells_each_point_in_order(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    answer = await doors.post(f"{BATCH}?echo=true", json={"points": [row("b"), row("a")]}, headers=headers)
    assert [point["metric"] for point in answer.json()["points"]] == ["b", "a"]
    assert answer.json()["created"] == ["b", "a"]


async def test_a_compressed_body_is_read(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key), "Content-Encoding": "gzip"}
    content = gzip.compress(json.dumps({"points": [row(value=7)]}).encode())
    answer = await doors.post(BATCH, content=content, headers=headers | {"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert await in_thread(values_of, committed) == [7.0]


async def test_an_idempotency_key_has_one_effect(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key), "Idempotency-Key": "once"}
    first, again = [await doors.post(BATCH, json={"points": [row()]}, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    other = await doors.post(BATCH, json={"points": [row(value=2)]}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.mismatch")
    assert await in_thread(values_of, committed) == [1.0]


async def test_requests_that_wait_together_share_commits_and_keep_their_own_answers(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    await doors.post(COUNTER, json={"metric": "amounts"}, headers=headers)
    bodies = [{"metric": "cpu", "value": place} for place in range(40)]
    calls = [doors.post(VALUE, json=body, headers=headers) for body in bodies]
    conflict = doors.post(VALUE, json={"metric": "amounts", "value": 1}, headers=headers)
    *answers, refused = await asyncio.gather(*calls, conflict)
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["value"] for answer in answers] == list(range(40))
    assert (refused.status_code, refused.json()["code"]) == (409, "metrics.type_conflict")
    assert sorted(await in_thread(values_of, committed)) == sorted([1.0, *map(float, range(40))])
    assert await in_thread(PointSegment.objects.count) < 40


async def test_two_batches_make_the_same_metrics_in_opposite_order(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    names = [f"m{place}" for place in range(300)]
    bodies = [{"points": [row(name) for name in order]} for order in (names, names[::-1])]
    answers = await asyncio.gather(
        *(doors.post(BATCH, json=body, headers=headers) for body in bodies for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert await in_thread(Metric.objects.count) == 300


async def test_a_quota_of_points_refuses_the_whole_batch(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(lambda: make_key(points_per_minute=10))}
    eight = {"points": [row(value=place) for place in range(8)]}
    assert (await doors.post(BATCH, json=eight, headers=headers)).status_code == 201
    refused = await doors.post(BATCH, json=eight, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate.limited")
    assert int(refused.headers["Retry-After"]) >= 1
    more = {"points": [row() for _ in range(11)]}
    assert (await doors.post(BATCH, json=more, headers=headers)).status_code == 413
    assert len(await in_thread(values_of, committed)) == 8


async def test_every_answer_tells_what_is_left(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await in_thread(make_key), "X-Request-Id": "my-request-1"}
    answer = await doors.post(COUNTER, json={"metric": "a"}, headers=headers)
    assert answer.headers["RateLimit-Policy"] == '"points";q=1000;w=60'
    assert answer.headers["X-Request-Id"] == "my-request-1"


async def test_a_body_beyond_the_bound_is_refused_before_it_is_read(
    doors: httpx.AsyncClient, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key), "Content-Type": "application/json"}
    with override_settings(METRICS_MAX_BODY_BYTES=1_000):
        stated = await doors.post(BATCH, content=b"x" * 1_001, headers=headers)

        async def endless() -> Any:
            while True:
                yield b"x" * 100

        chunked = await doors.post(BATCH, content=endless(), headers=headers)
    assert (stated.status_code, chunked.status_code) == (413, 413)


async def test_waiting_bytes_are_bounded(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    with override_settings(METRICS_INFLIGHT_BYTES=10):
        answer = await doors.post(COUNTER, json={"metric": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "metrics.overloaded")
    assert answer.headers["Retry-After"] == "1"
    assert (await doors.post(COUNTER, json={"metric": "a"}, headers=headers)).status_code == 201


async def test_a_full_shard_takes_no_more(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    assert (await doors.post(COUNTER, json={"metric": "a"}, headers=headers)).status_code == 201
    pressure.forget()
    with override_settings(METRICS_PENDING_POINTS=1):
        answer = await doors.post(COUNTER, json={"metric": "a"}, headers=headers)
    pressure.forget()
    assert (answer.status_code, answer.json()["code"]) == (503, "metrics.overloaded")
    assert await in_thread(values_of, committed) == [1.0]


async def test_maintenance_takes_no_points(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await in_thread(make_key)}
    with override_settings(MAINTENANCE_READ_ONLY=True):
        answer = await doors.post(COUNTER, json={"metric": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "service.read_only")


async def test_a_key_stands_in_a_header_only(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = await in_thread(make_key)
    answer = await doors.post(f"{COUNTER}?key={key}", json={"metric": "a"}, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "auth.key_in_query")


async def test_a_token_sends_as_its_role_allows(doors: httpx.AsyncClient, committed: Actors) -> None:
    for name, status in (("analyst", 201), ("viewer", 403)):
        client = await in_thread(lambda name: just_signed_in(committed[name]), name)
        token = client._credentials["HTTP_AUTHORIZATION"]
        answer = await doors.post(COUNTER, json={"metric": "a"}, headers={"Authorization": token})
        assert answer.status_code == status
    assert await in_thread(Shard.objects.count) == 1
