"""The protocol from outside: both eras, the header checks, what is refused and how."""

import json
from typing import Any

import pytest
from django.conf import settings

from tests.mcp.conftest import ENVELOPE, META, STATELESS, KeyMaker, McpClient, error_of

REQUEST = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")


@pytest.fixture
def client(mcp_key: KeyMaker) -> McpClient:
    return mcp_key()


@pytest.fixture
def old_client(client: McpClient) -> McpClient:
    return McpClient(client.raw_key, revision="2025-11-25")


def test_discover_says_what_there_is(client: McpClient) -> None:
    result = client.result("server/discover")

    assert result["supportedVersions"] == [STATELESS, *HANDSHAKE]
    assert set(result["capabilities"]) == {"tools", "resources"}
    assert result["_meta"][f"{META}serverInfo"] == {
        "name": "sextant",
        "title": "Sextant",
        "version": settings.RELEASE,
    }
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert result["ttlMs"] > 0


@pytest.mark.parametrize("method", ["tools/list", "resources/list", "resources/templates/list"])
def test_every_list_says_how_long_it_may_be_kept_and_by_whom(client: McpClient, method: str) -> None:
    result = client.result(method)

    assert result["resultType"] == "complete"
    assert isinstance(result["ttlMs"], int)
    assert result["cacheScope"] == "private"


@pytest.mark.parametrize(
    ("asked", "given"),
    [*((name, name) for name in HANDSHAKE), ("2024-11-05", "2025-11-25"), (7, "2025-11-25")],
)
def test_a_handshake_settles_on_the_clients_revision_or_the_newest(
    client: McpClient, asked: Any, given: str
) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = client.post({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params})

    assert answer.status_code == 200
    assert "Mcp-Session-Id" not in answer
    body = json.loads(answer.content)
    assert (body["id"], body["result"]["protocolVersion"]) == ("a", given)
    assert body["result"]["serverInfo"]["name"] == "sextant"


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_the_handshake_era_gets_results_of_its_own_shape(client: McpClient, revision: str) -> None:
    old = McpClient(client.raw_key, revision=revision)

    result = old.result("tools/list")
    assert result["tools"]
    assert not {"resultType", "ttlMs", "cacheScope", "_meta"} & result.keys()
    assert old.result("ping") == {}


def test_without_a_header_the_first_revision_is_assumed(client: McpClient) -> None:
    answer = client.post(REQUEST)

    assert answer.status_code == 200
    assert "resultType" not in json.loads(answer.content)["result"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"MCP_Protocol_Version": None}, -32020),
        ({"MCP_Protocol_Version": "2025-11-25"}, -32020),
        ({"MCP_Protocol_Version": "2026-01-01"}, -32020),
        ({"Mcp_Method": None}, -32020),
        ({"Mcp_Method": "Tools/Call"}, -32020),
        ({"Mcp_Method": "tools/call, tools/list"}, -32020),
        ({"Mcp_Name": None}, -32020),
        ({"Mcp_Name": "jobs_list"}, -32020),
        ({"Mcp_Name": "=?base64?bad?="}, -32020),
        ({"Mcp_Name": "=?base64?YWNjb3VudHNfd2hvYW1p?="}, None),
    ],
)
def test_headers_that_differ_from_the_body_are_refused(
    client: McpClient, headers: dict[str, str | None], code: int | None
) -> None:
    answer = client.send("tools/call", {"name": "accounts_whoami"}, **headers)

    if code is None:
        assert answer.status_code == 200
    else:
        assert error_of(answer) == (400, code)
        assert json.loads(answer.content)["id"] == 7


def test_a_revision_that_is_not_spoken_is_refused_with_those_that_are(client: McpClient) -> None:
    params = {"_meta": ENVELOPE | {f"{META}protocolVersion": "2099-01-01"}}
    answer = client.send("tools/list", params, MCP_Protocol_Version="2099-01-01")

    assert error_of(answer) == (400, -32022)
    data = json.loads(answer.content)["error"]["data"]
    assert (data["requested"], STATELESS in data["supported"]) == ("2099-01-01", True)
    assert error_of(client.post(REQUEST, MCP_Protocol_Version="2099-01-01")) == (400, -32022)


@pytest.mark.parametrize(
    "meta",
    [
        {f"{META}protocolVersion": STATELESS},
        {f"{META}clientCapabilities": {}},
        {f"{META}protocolVersion": STATELESS, f"{META}clientCapabilities": []},
        {f"{META}protocolVersion": 7, f"{META}clientCapabilities": {}},
        "text",
        None,
    ],
)
def test_the_stateless_era_wants_its_fields_in_every_request(client: McpClient, meta: Any) -> None:
    assert error_of(client.send("tools/list", {"_meta": meta})) == (400, -32602)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b" ", -32700),
        (b"\xff", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}', -32700),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', -32700),
        (b"[" * 40 + b"]" * 40, -32700),
        (b"[" * 100_000, -32700),
        (b"9" * 5_000, -32700),
        ("text", -32600),
        (7, -32600),
        (None, -32600),
        ([], -32600),
        ({}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 7}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, -32602),
    ],
)
def test_what_is_no_message_is_refused_by_code(client: McpClient, body: Any, code: int) -> None:
    assert error_of(client.post(body)) == (400, code)


@pytest.mark.parametrize("request_id", ["", "a" * 300, 0, -1, 2**70, "ü\u2028"])
def test_the_id_of_a_request_comes_back_as_it_was(client: McpClient, request_id: Any) -> None:
    answer = client.post(REQUEST | {"id": request_id})

    assert json.loads(answer.content)["id"] == request_id


def test_a_method_that_is_not_there_is_404_in_the_stateless_era_and_an_answer_before(
    client: McpClient, old_client: McpClient
) -> None:
    for method in ("nothing/here", "prompts/list", "subscriptions/listen", "initialize", "ping"):
        assert error_of(client.send(method)) == (404, -32601)
    for method in ("nothing/here", "prompts/list", "server/discover", "logging/setLevel"):
        assert error_of(old_client.send(method)) == (200, -32601)


def test_notifications_are_taken_without_an_answer(client: McpClient) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}

    for headers in ({}, {"MCP_Protocol_Version": "2025-06-18"}, {"MCP_Protocol_Version": STATELESS}):
        answer = client.post(note, **headers)
        assert (answer.status_code, answer.content) == (202, b"")
    assert error_of(client.post(note, MCP_Protocol_Version="2099-01-01")) == (400, -32022)


def test_a_response_is_taken_where_it_was_allowed_and_refused_since(client: McpClient) -> None:
    response = {"jsonrpc": "2.0", "id": 1, "result": {}}

    assert client.post(response, MCP_Protocol_Version="2025-11-25").status_code == 202
    assert error_of(client.post(response, MCP_Protocol_Version=STATELESS)) == (400, -32600)


def test_batches_belong_to_the_first_revision_alone(client: McpClient) -> None:
    batch: list[Any] = [REQUEST, {"jsonrpc": "2.0", "method": "notifications/initialized"}, {"id": 8}]

    answer = client.post(batch)
    assert answer.status_code == 200
    first, second = json.loads(answer.content)
    assert (first["id"], bool(first["result"]["tools"])) == (7, True)
    assert (second["id"], second["error"]["code"]) == (8, -32600)
    assert client.post(batch[1:2]).status_code == 202
    assert error_of(client.post([REQUEST] * 21)) == (400, -32600)
    for revision in ("2025-06-18", "2025-11-25", STATELESS):
        assert error_of(client.post(batch, MCP_Protocol_Version=revision)) == (400, -32600)


@pytest.mark.parametrize("method", ["tools/list", "resources/templates/list", "resources/list"])
@pytest.mark.parametrize("cursor", ["nonsense", "", "bm9uZS9zdWNo", 7, [], "ä"])
def test_a_cursor_from_elsewhere_is_refused(client: McpClient, method: str, cursor: Any) -> None:
    assert error_of(client.send(method, {"cursor": cursor})) == (400, -32602)
