"""Proof 10 of the platform: 400 requests at a quota of 240 over 20 connections."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

QUOTA = 240
REQUESTS = 400
CONNECTIONS = 20


@dataclass(frozen=True)
class Seen:
    """One answer, and when its request left and its answer came."""

    sent_s: float
    received_s: float
    answer: httpx.Response


def test_a_quota_of_240_lets_240_and_4_per_second_through(stack: Stack, stack_actors: Actors) -> None:
    analyst = stack_actors.analyst
    cookies = {cookie.key: cookie.value for cookie in analyst.browser.cookies.values()}

    def share(_: int) -> list[Seen]:
        with httpx.Client(base_url=stack.url, cookies=cookies, timeout=60) as client:
            return [look(client) for _ in range(REQUESTS // CONNECTIONS)]

    def look(client: httpx.Client) -> Seen:
        sent_s = time.monotonic()
        answer = client.get("/api/v1/datasets?page_size=1")
        return Seen(sent_s, time.monotonic(), answer)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        seen = [one for shares in pool.map(share, range(CONNECTIONS)) for one in shares]
    passed = [one for one in seen if one.answer.status_code == 200]
    refused = [one for one in seen if one.answer.status_code == 429]
    assert len(passed) + len(refused) == REQUESTS
    # The limiter saw the requests somewhere between these two spans.
    longest_s = max(one.received_s for one in seen) - min(one.sent_s for one in seen)
    until_last_s = max(one.sent_s for one in passed) - min(one.received_s for one in seen)
    assert len(passed) <= QUOTA + 4 * longest_s + 1
    assert refused or longest_s > (REQUESTS - QUOTA) / 4
    if refused:
        assert len(passed) >= QUOTA + 4 * max(until_last_s, 0) - CONNECTIONS
    for one in seen:
        check_headers(one.answer)


def check_headers(answer: httpx.Response) -> None:
    """Every answer tells the quota and what is left; a refusal says when to come again."""
    assert answer.headers["RateLimit-Policy"] == f'"api";q={QUOTA};w=60'
    name, *parts = answer.headers["RateLimit"].split(";")
    values = dict(part.split("=") for part in parts)
    assert name == '"api"'
    assert 0 <= int(values["r"]) < QUOTA
    if answer.status_code == 429:
        assert answer.json()["code"] == "rate.limited"
        assert int(values["r"]) == 0
        assert int(answer.headers["Retry-After"]) >= 1
