"""The tools of maps through a real client and the real web process: the figures of the REST calls."""

from typing import Any

import httpx
import httpx2
import pytest
from asgiref.sync import async_to_sync
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.datasets.models import Dataset
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

PLACE = (51.5, -0.1)
SCOPES = ["mcp", "datasets:read", "spatial:read"]


@pytest.fixture
def dataset(stack_actors: Actors) -> Dataset:
    rows = [EventRow(*PLACE, category="Theft", value=1.0), EventRow(*PLACE), EventRow(40.0, 20.0)]
    return published_dataset(rows, organization=stack_actors.organization)


async def call_each(address: str, key: str, dataset_id: str) -> dict[str, Any]:
    """Return what each tool of maps answers."""
    named = {"datasets": [dataset_id]}
    calls: dict[str, dict[str, Any]] = {
        "spatial_aggregate": named,
        "spatial_top_cells": named | {"n": 1},
        "spatial_timeline": named | {"bucket": "year"},
        "spatial_export_geojson": named,
        "spatial_ask": {"question": "How many thefts?", "dataset": dataset_id},
    }
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode="auto") as client,
    ):
        offered = {tool.name for tool in (await client.list_tools()).tools}
        assert calls.keys() <= offered
        found = {}
        for name, arguments in calls.items():
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, answer
            found[name] = answer.structured_content
        return found


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_each_tool_answers_what_its_address_does(
    stack: Stack, stack_actors: Actors, dataset: Dataset, role: Role
) -> None:
    _, key = create_api_key(actor=stack_actors.admin.actor, name="Model", role=role, scopes=SCOPES)
    found = async_to_sync(call_each)(f"{stack.url}/mcp", key, str(dataset.pk))

    def rest(tool: str) -> Any:
        path = found[tool]["api_url"].partition("/api/")[2]
        answer = httpx.get(f"{stack.url}/api/{path}", headers={"Authorization": f"Bearer {key}"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    cells = sorted(rest("spatial_aggregate")["cells"], key=lambda cell: -cell["count"])
    assert found["spatial_aggregate"]["cells"] == cells
    assert found["spatial_top_cells"]["cells"] == cells[:1]
    assert found["spatial_timeline"]["buckets"] == [
        row | {"categories": {}} for row in rest("spatial_timeline")["buckets"]
    ]
    assert found["spatial_export_geojson"]["geojson"] == rest("spatial_export_geojson")
    assert found["spatial_ask"]["result"]["events"] == rest("spatial_ask")["events"] == 1
