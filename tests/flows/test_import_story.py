"""One story over real HTTP, worker and websocket: an upload is followed live and survives its worker."""

import asyncio
import io
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from django.conf import settings
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.datasets.models import Import, Reject
from apps.datasets.reading.sample_city import sample_city
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

LONDON = settings.BASE_DIR.parent / "shared" / "data" / "uk-city-of-london-2023.zip"
PATIENCE_S = 300.0
CITY_ROWS = 150_000


class Story:
    """Somebody with an API key, who calls, uploads and listens."""

    def __init__(self, stack: Stack, raw_key: str) -> None:
        self.stack = stack
        self.headers = {"X-API-Key": raw_key}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.stack.url}/api/v1/{path}", headers=self.headers, timeout=30)

    def upload(self, file_name: str, content: bytes, **meta: Any) -> dict[str, Any]:
        files: Any = {"meta": (None, json.dumps(meta)), "file": (file_name, content)}
        url = f"{self.stack.url}/api/v1/datasets"
        answer = httpx.post(url, headers=self.headers, files=files, timeout=60)
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def connect(self) -> connect:
        return connect(
            self.stack.live_url, additional_headers=self.headers, subprotocols=[Subprotocol("sextant.v1")]
        )

    def wait_for(self, import_id: str, is_done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            row: dict[str, Any] = self.get(f"imports/{import_id}").json()
            if is_done(row):
                return row
            time.sleep(0.1)
        raise TimeoutError(self.stack.log("worker")[-4_000:])


async def receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        message: dict[str, Any] = orjson.loads(await socket.recv())
    return message


async def subscribe(socket: ClientConnection, topic: str, **position: Any) -> dict[str, Any]:
    await socket.send(orjson.dumps({"op": "subscribe", "id": "s", "topic": topic, **position}).decode())
    while (answer := await receive(socket))["op"] not in {"subscribed", "error"}:
        pass
    return answer


def is_last(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "version.published")


@pytest.fixture
def story(stack: Stack, stack_actors: Actors) -> Story:
    return Story(stack, stack_actors.key.raw_key)


@pytest.fixture
def stranger(stack: Stack, stack_actors: Actors) -> Story:
    actor = stack_actors.stranger.actor
    _, raw = create_api_key(actor=actor, name="Stranger", role=Role.ADMIN, scopes=["datasets:read"])
    return Story(stack, raw)


@pytest.mark.skipif(not LONDON.exists(), reason=f"{LONDON} is not there")
async def test_an_import_is_followed_live_over_a_lost_connection(story: Story, stranger: Story) -> None:
    content = LONDON.read_bytes()
    started = await asyncio.to_thread(story.upload, LONDON.name, content, name="London", zone="Europe/London")
    topic = f"datasets.{started['dataset']['id']}"

    events = await follow(story, topic)

    numbers = [event["seq"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    changes = [event["data"] for event in events if event["type"] == "import.changed"]
    progress = [change["progress"] for change in changes if change["status"] != "queued"]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert {"fetch", "read", "publish"} <= {change["stage"] for change in changes}
    counts = [changes[-1][name] for name in ("rows_read", "accepted", "rejected", "duplicates")]
    assert counts == [9_298, 8_501, 797, 0]
    # The version follows the whole progress, so whoever watches sees 1.0 and then what came of it.
    assert [event["type"] for event in events if event["type"] != "dataset.changed"][-2:] == [
        "import.changed",
        "version.published",
    ]

    async with stranger.connect() as socket:
        await receive(socket)
        assert (await subscribe(socket, topic, after=0))["code"] == "not_found"
    for path in (f"datasets/{started['dataset']['id']}", f"imports/{started['import']['id']}"):
        assert (await asyncio.to_thread(stranger.get, path)).status_code == 404


async def follow(story: Story, topic: str) -> list[dict[str, Any]]:
    """Return the topic's events to the end of the import, over a connection that is lost in between."""
    events: list[dict[str, Any]] = []
    async with story.connect() as socket:
        await receive(socket)
        assert (await subscribe(socket, topic, after=0))["op"] == "subscribed"
        while len(events) < 3:
            events.append(await receive(socket))
    await asyncio.sleep(0.5)  # meanwhile the import goes on
    async with story.connect() as socket:
        await receive(socket)
        position = {"after": events[-1]["seq"], "epoch": events[-1]["epoch"]}
        assert (await subscribe(socket, topic, **position))["reset"] is False
        while not is_last(events[-1]):
            events.append(await receive(socket))
    return events


def test_an_import_survives_its_worker(story: Story, stack: Stack) -> None:
    text = io.StringIO(newline="")
    sample_city(text, rows=CITY_ROWS)
    started = story.upload("city.csv", text.getvalue().encode(), name="City", duplicates="external_id_first")
    import_id = started["import"]["id"]

    story.wait_for(import_id, lambda row: row["rows_read"] > 0 or row["status"] == "succeeded")
    stack.kill("worker")
    row = Import.objects.get(pk=import_id)
    assert row.status == "running"
    # No clock runs: the next worker looks for what the dead one left, long before the lease of a minute ends.
    stack.start("worker")
    starts_at = timezone.now()
    ended = story.wait_for(import_id, lambda row: row["status"] in {"succeeded", "failed"})
    again_at = Import.objects.get(pk=import_id).started_at
    assert again_at is not None
    assert (again_at - starts_at).total_seconds() < 45
    bad, repeated = round(CITY_ROWS * 0.005), round(CITY_ROWS * 0.001)
    counts = [ended[name] for name in ("rows_read", "accepted", "rejected", "duplicates")]
    assert counts == [CITY_ROWS, CITY_ROWS - bad - repeated, bad, repeated]
    assert ended["attempt"] == 2
    dataset = story.get(f"datasets/{started['dataset']['id']}").json()
    assert (dataset["status"], dataset["current_version"], dataset["event_count"]) == ("ready", 1, counts[1])
    assert Reject.objects.filter(import_no=row.no).count() == bad + repeated
