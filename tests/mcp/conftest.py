"""A client that speaks the protocol by hand, so that every header and field can be wrong."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from tests.furniture.people import Actors

STATELESS = "2026-07-28"
META = "io.modelcontextprotocol/"
ENVELOPE = {
    f"{META}protocolVersion": STATELESS,
    f"{META}clientCapabilities": {},
    f"{META}clientInfo": {"name": "tests", "version": "1"},
}
NAMED_BY = {"tools/call": "name", "resources/read": "uri"}


@dataclass
class McpClient:
    """Somebody who calls `/mcp` with a key, in the stateless era or (with `revision`) in the one before."""

    raw_key: str = ""
    revision: str = STATELESS
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, body: Any, **headers: str | None) -> HttpResponse:
        """Send any body with any headers; None takes a header away."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: dict[str, str | None] = {"Accept": "application/json, text/event-stream"}
        sent.update(self.headers)
        if self.raw_key:
            sent["Authorization"] = f"Bearer {self.raw_key}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value is not None}
        content_type = kept.pop("Content-Type", "application/json")
        return Client().post("/mcp", raw, content_type=content_type, headers=kept)  # type: ignore[return-value]

    def send(
        self, method: str, params: Mapping[str, Any] | None = None, **headers: str | None
    ) -> HttpResponse:
        """Send a well-formed request; headers given here replace the right ones."""
        params = dict(params or {})
        right: dict[str, str | None] = {}
        if self.revision == STATELESS:
            target = params.get(NAMED_BY.get(method, ""))
            params = {"_meta": ENVELOPE, **params}
            right["Mcp_Method"] = method
            if isinstance(target, str):
                right["Mcp_Name"] = target
        right["MCP_Protocol_Version"] = self.revision
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return self.post(body, **(right | headers))

    def result(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of a request that succeeds."""
        answer = self.send(method, params)
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = json.loads(answer.content)
        assert (body["jsonrpc"], body["id"]) == ("2.0", 7)
        assert "result" in body, body
        result: dict[str, Any] = body["result"]
        return result

    def tool_names(self) -> set[str]:
        """Return the names of the tools that are offered."""
        return {tool["name"] for tool in self.result("tools/list")["tools"]}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer of a tool that succeeds."""
        result = self.result("tools/call", {"name": tool, "arguments": arguments})
        assert not result["isError"], result
        content: dict[str, Any] = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == content
        return content

    def problem(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the problem of a tool that fails."""
        result = self.result("tools/call", {"name": tool, "arguments": arguments})
        assert result["isError"] is True
        assert "structuredContent" not in result
        problem: dict[str, Any] = json.loads(result["content"][0]["text"])
        return problem


def error_of(answer: HttpResponse) -> tuple[int, int]:
    """Return status and code of a refused request."""
    return answer.status_code, json.loads(answer.content)["error"]["code"]


KeyMaker = Callable[..., McpClient]


@pytest.fixture
def mcp_key(actors: Actors) -> KeyMaker:
    """Make clients with a key of the given role and scopes."""

    def make(
        role: Role = Role.ANALYST, scopes: tuple[str, ...] = ("datasets:read",), **fields: Any
    ) -> McpClient:
        names = [*scopes, *(["mcp"] if "mcp" not in scopes else [])]
        _, raw = create_api_key(actor=actors.admin.actor, name="Model", role=role, scopes=names, **fields)
        return McpClient(raw)

    return make
