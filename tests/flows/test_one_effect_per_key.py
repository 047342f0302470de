"""An Idempotency-Key against real processes: one effect, however often it is asked for and whatever dies."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx
import pytest

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.datasets.models import Dataset
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

PATH: Final = "/api/v1/datasets"
POSTS: Final = 1_000
SENDERS: Final = 16
COMMIT_S: Final = 120.0


@pytest.fixture
def headers(stack_actors: Actors) -> dict[str, str]:
    _, raw = create_api_key(
        actor=stack_actors.admin.actor,
        name="Loader",
        role=Role.ANALYST,
        scopes=["datasets:write"],
        rate_per_minute=1_000_000,
    )
    return {"X-API-Key": raw, "Idempotency-Key": "once"}


def test_a_thousand_posts_with_one_key_make_one_row(
    stack: Stack, stack_actors: Actors, headers: dict[str, str]
) -> None:
    """Proof 12."""
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(SENDERS) as senders:

        def send(_number: int) -> httpx.Response:
            return client.post(f"{stack.url}{PATH}", headers=headers, json={"name": "Thousand"})

        answers = list(senders.map(send, range(POSTS)))

    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.json()["code"] for answer in answers if answer not in made} <= {"idempotency.in_flight"}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
    assert len({(answer.content, answer.headers["Location"], answer.headers["ETag"]) for answer in made}) == 1
    assert Dataset.objects.filter(organization=stack_actors.organization).count() == 1


def test_an_answer_that_died_with_its_web_process_is_given_again(
    stack: Stack, stack_actors: Actors, headers: dict[str, str]
) -> None:
    """Proof 12: killed after the commit."""
    rows = Dataset.objects.filter(organization=stack_actors.organization)
    body = json.dumps({"name": "Killed"}).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", stack.port)) as sender:
        sender.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: localhost:{stack.port}\r\n{head}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        sender.sendall(body)
        deadline_s = time.monotonic() + COMMIT_S
        while not rows.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
        stack.kill("web")
    stack.start("web")

    again = httpx.post(
        f"{stack.url}{PATH}",
        headers=headers | {"Content-Type": "application/json"},
        content=body,
        timeout=60,
    )
    assert again.status_code == 201, again.text
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == str(rows.get().pk)
