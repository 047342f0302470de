"""Doors in this process, called over ASGI, on committed rows."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from django.conf import settings

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.common.valkey import valkey_at
from apps.metrics.doors.asgi import MetricDoors
from apps.metrics.doors.registry import DOORS
from tests.furniture.people import Actors

MakeKey = Callable[..., str]


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Stand where Django stands: what comes here was for no door."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def committed(transactional_db: None) -> Actors:
    """Give actors whose rows every thread sees."""
    return Actors()


@pytest.fixture
def make_key(committed: Actors) -> MakeKey:
    """Give the function that makes a key of the organization and returns its raw form."""

    def make(*scopes: str, role: Role = Role.ANALYST, **more: Any) -> str:
        wanted = scopes or ("metrics:ingest",)
        _, raw = create_api_key(actor=committed.admin.actor, name="Sender", role=role, scopes=wanted, **more)
        return raw

    return make


@pytest_asyncio.fixture
async def doors(committed: Actors) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the doors."""
    transport = httpx.ASGITransport(app=MetricDoors(nowhere, DOORS))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    # The loop ends with the test, and with it what was connected.
    await valkey_at(settings.REDIS_URL)._client_of_loop().aclose()
