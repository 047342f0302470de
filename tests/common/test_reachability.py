"""One server is everything, and it is lost: a request waits at most once, whatever calls it (section 14)."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from apps.common import reachability
from apps.common.jobs.nudges import send_nudge
from apps.common.jobs.queues import QUEUES
from apps.common.live.publishing import Publisher
from apps.common.reachability import UNTRIED_S, reachability_at
from apps.common.throttles import stores
from apps.common.throttles.gcra import Bucket
from apps.common.valkey import valkey_at
from config.celery import app as products_own
from config.env import celery_broker_url
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.stopwatch import seconds_waited

CALL_TIMEOUT_S = 0.5
BUSY_S = 0.45  # what a busy machine may add to a wait: still less than a second one
AT_ONCE_S = 0.4  # of four calls: less than one wait
pytestmark = pytest.mark.usefixtures("products_patience")
LIMIT = Bucket("test", "test:limit", quota=100, window_s=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnValkey]:
    """Give a Valkey of its own that is the broker too."""
    server = OwnValkey(tmp_path)
    server.start()
    app = Celery("unreachable")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=celery_broker_url(server.url))
    yield server
    products_own.set_current()
    app.close()
    server.thaw()
    server.stop(and_forget=True)


@pytest.fixture
def left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody try again before the test is over."""
    monkeypatch.setattr(reachability, "UNTRIED_S", 600.0)


def take(url: str) -> Any:
    return stores.take(url, [LIMIT], None)


def take_on_a_loop(url: str) -> Any:
    async def take_and_close() -> Any:
        try:
            return await stores.take_async(url, [LIMIT], None)
        finally:
            await valkey_at(url)._client_of_loop().aclose()

    return asyncio.run(take_and_close())


def publish(url: str) -> None:
    Publisher(url).announce(b"[]")


def nudge(_url: str) -> None:
    send_nudge("test.lost", uuid.uuid4(), QUEUES["default"])


CALLS: list[Callable[[str], Any]] = [take, take_on_a_loop, publish, nudge]


def seconds(call: Callable[[str], Any], url: str) -> float:
    return seconds_waited(lambda: call(url))


@pytest.mark.usefixtures("left_alone")
@pytest.mark.parametrize("first", CALLS)
def test_a_server_that_hangs_makes_one_of_all_calls_wait(
    server: OwnValkey, first: Callable[[str], Any]
) -> None:
    for call in CALLS:
        call(server.url)
    server.freeze()
    assert seconds(first, server.url) < CALL_TIMEOUT_S + BUSY_S
    assert sum(seconds(call, server.url) for call in CALLS) < AT_ONCE_S


@pytest.mark.usefixtures("left_alone")
@pytest.mark.parametrize("first", CALLS)
def test_a_server_that_hangs_from_the_start_makes_one_of_all_calls_wait(
    server: OwnValkey, first: Callable[[str], Any]
) -> None:
    server.freeze()
    assert seconds(first, server.url) < CALL_TIMEOUT_S + BUSY_S
    assert sum(seconds(call, server.url) for call in CALLS) < AT_ONCE_S


@pytest.mark.usefixtures("left_alone")
@pytest.mark.parametrize("first", CALLS)
def test_a_server_that_is_gone_makes_nobody_wait(server: OwnValkey, first: Callable[[str], Any]) -> None:
    for call in CALLS:
        call(server.url)
    server.stop()
    assert seconds(first, server.url) < 0.25 + BUSY_S
    assert sum(seconds(call, server.url) for call in CALLS) < AT_ONCE_S
    server.start()


def test_of_many_callers_at_once_one_waits_when_the_second_is_over(server: OwnValkey) -> None:
    server.freeze()
    take(server.url)
    time.sleep(UNTRIED_S)
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(seconds, CALLS * 10, [server.url] * 40))
    assert len([wait for wait in waits if wait > CALL_TIMEOUT_S / 2]) == 1


def test_the_first_answer_opens_the_server_to_everybody(server: OwnValkey) -> None:
    server.freeze()
    assert take(server.url) is None
    server.thaw()
    time.sleep(UNTRIED_S)
    assert take(server.url) is not None
    with ThreadPoolExecutor(20) as pool:
        assert None not in pool.map(take, [server.url] * 20)
    assert take_on_a_loop(server.url) is not None


def test_a_refusal_is_an_answer(server: OwnValkey) -> None:
    valkey = valkey_at(server.url)
    assert valkey.attempt(lambda client: client.set("text", "x"), purpose="test")
    assert valkey.attempt(lambda client: client.lpush("text", "x"), purpose="test") is None
    assert take(server.url) is not None


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("unix:///run/valkey.sock?db=3", "redis+socket:///run/valkey.sock?virtual_host=0"),
        ("redis://:secret@cache:6379/1", "redis://cache:6379/0"),
    ],
)
def test_one_server_is_one_whatever_is_kept_in_it(url: str, same: str) -> None:
    assert reachability_at(url) is reachability_at(same)
    assert reachability_at(url) is not reachability_at("amqp://user:secret@broker:5672//")
