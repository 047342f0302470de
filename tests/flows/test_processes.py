"""The processes of the suite's own stack: they are the real ones and see what a test commits."""

import httpx
import pytest

from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow


def test_a_key_made_here_is_good_there(stack: Stack, stack_actors: Actors) -> None:
    key = stack_actors.key.raw_key
    answer = httpx.get(f"{stack.url}/api/v1/api-keys", headers={"X-API-Key": key}, timeout=60)
    nobody = httpx.get(f"{stack.url}/api/v1/api-keys", timeout=60)
    assert (answer.status_code, nobody.status_code) == (403, 401)
    assert answer.json()["code"] == "permission.denied"


def test_the_web_process_hardens_its_answers_and_stops_endless_bodies(stack: Stack) -> None:
    endless = (b"x" * 65_536 for _ in range(1_000))
    answer = httpx.post(f"{stack.url}/api/v1/auth/login", content=endless, timeout=60)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    long = httpx.get(f"{stack.url}/?{'q' * 9_000}", timeout=60)
    assert long.status_code == 414


def test_a_killed_worker_starts_again(stack: Stack) -> None:
    stack.kill("worker")
    stack.start("worker")
    assert " ready." in stack.log("worker")
