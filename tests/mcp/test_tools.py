"""Tools from the caller's side: who is offered which, what they answer, where they end."""

import time
import uuid
from typing import Annotated, Any

import msgspec
import pytest
from django.db import connection
from django.test import override_settings

from apps.accounts.mcp import calls
from apps.accounts.models import ApiKey, IdempotencyRecord, Organization, Role
from apps.accounts.permissions import Actor
from apps.common import tools
from apps.common.errors import Conflict
from apps.common.tools import Arguments, NoArguments, Result, Tool, all_tools, register_tool
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient, error_of


class Count(Arguments):
    """How much of something."""

    count: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 1


class Lines(Result):
    """Some lines."""

    lines: list[str]


def make_lines(_actor: Actor, wanted: Count) -> Lines:
    return Lines(lines=["x"] * wanted.count)


def make_long_line(_actor: Actor, wanted: Count) -> Lines:
    return Lines(lines=["x" * wanted.count])


def rename(actor: Actor, wanted: Count) -> Lines:
    organization = Organization.objects.get(pk=actor.organization.pk)
    organization.name = f"{organization.name} {wanted.count}"
    organization.save()
    return Lines(lines=[organization.name])


def rename_and_fail(actor: Actor, wanted: Count) -> Lines:
    rename(actor, wanted)
    raise Conflict("Not today.")


def fail(_actor: Actor, _wanted: NoArguments) -> Lines:
    raise RuntimeError("the password is hunter2")


def sleep_in_database(_actor: Actor, wanted: Count) -> Lines:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [wanted.count])
    return Lines(lines=[])


def sleep_in_process(actor: Actor, wanted: Count) -> Lines:
    rename(actor, wanted)
    time.sleep(0.3)
    return Lines(lines=[])


def tool(name: str, call: Any, **fields: Any) -> Tool[Any]:
    arguments = NoArguments if call is fail else Count
    common: dict[str, Any] = {"title": "T", "description": "D", "permission": "", "result": Lines}
    return Tool(name=name, call=call, arguments=arguments, **(common | fields))


@pytest.fixture(autouse=True)
def _test_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_tools", dict(tools._tools))
    register_tool(tool("test_lines", make_lines))
    register_tool(tool("test_long_line", make_long_line))
    register_tool(tool("test_rename", rename, writes=True, permission="datasets.change"))
    register_tool(tool("test_rename_secretly", rename))
    register_tool(tool("test_rename_and_fail", rename_and_fail, writes=True))
    register_tool(tool("test_fail", fail))
    register_tool(tool("test_sleep", sleep_in_database))
    register_tool(tool("test_write_slowly", sleep_in_process, writes=True))


def name_of(actors: Actors) -> str:
    return Organization.objects.get(pk=actors.organization.pk).name


def test_a_viewer_is_offered_no_tool_that_writes(mcp_key: KeyMaker) -> None:
    viewer = mcp_key(Role.VIEWER, ("datasets:read", "accounts:read"))
    analyst = mcp_key(Role.ANALYST, ("datasets:read", "datasets:write", "accounts:write"))
    # Of the tools above two have no permission on purpose.
    writing = {each.name for each in all_tools() if each.writes and not each.name.startswith("test_")}

    assert writing
    assert not writing & viewer.tool_names()
    assert writing & analyst.tool_names()


def test_a_tool_that_is_not_offered_is_refused_when_called_nonetheless(
    mcp_key: KeyMaker, actors: Actors
) -> None:
    before = name_of(actors)

    problem = mcp_key(Role.VIEWER).problem("test_rename")
    assert (problem["code"], problem["status"]) == ("permission.denied", 403)
    assert "datasets.change" in problem["detail"]
    assert name_of(actors) == before


def test_a_key_is_offered_what_its_scopes_open(mcp_key: KeyMaker) -> None:
    assert "datasets_list" not in mcp_key(Role.ADMIN, ("accounts:read",)).tool_names()
    assert "datasets_list" in mcp_key(Role.ADMIN, ("datasets:read",)).tool_names()
    assert "datasets_update" not in mcp_key(Role.ADMIN, ("datasets:read",)).tool_names()


def test_a_demotion_takes_the_tool_with_the_next_request(mcp_key: KeyMaker) -> None:
    client = mcp_key(Role.ANALYST, ("datasets:write",))
    assert "test_rename" in client.tool_names()
    ApiKey.objects.filter(prefix=client.raw_key[4:12]).update(role=Role.VIEWER)

    assert "test_rename" not in client.tool_names()
    assert client.problem("test_rename")["code"] == "permission.denied"


def test_each_tool_is_described_by_schemas_and_hints(mcp_key: KeyMaker) -> None:
    scopes = ("datasets:read", "datasets:write", "accounts:read", "accounts:manage")
    for each in mcp_key(Role.ADMIN, scopes).result("tools/list")["tools"]:
        for schema in (each["inputSchema"], each["outputSchema"]):
            assert schema["type"] == "object"
        assert each["inputSchema"]["additionalProperties"] is False
        hints = each["annotations"]
        assert hints["readOnlyHint"] is not ("idempotency_key" in each["inputSchema"].get("properties", {}))
        assert hints["openWorldHint"] is False


@pytest.mark.parametrize(
    ("arguments", "pointer", "code"),
    [
        ({"count": "5"}, "/count", "invalid"),
        ({"count": None}, "/count", "invalid"),
        ({"count": 10**400}, "/count", "invalid"),
        ({"counts": 5}, "/counts", "unknown_field"),
        ({"idempotency_key": "k"}, "/idempotency_key", "unknown_field"),
    ],
)
def test_arguments_that_the_schema_forbids_come_back_as_a_problem_with_their_place(
    mcp_key: KeyMaker, arguments: dict[str, Any], pointer: str, code: str
) -> None:
    problem = mcp_key().problem("test_lines", **arguments)

    assert (problem["code"], problem["status"]) == ("request.invalid", 422)
    assert [(item["pointer"], item["code"]) for item in problem["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": 7},
        {"name": "nothing_here"},
        {"name": "test_lines", "arguments": [1]},
        {"name": "a" * 5_000},
    ],
)
def test_a_call_of_nothing_is_an_error_of_the_protocol(mcp_key: KeyMaker, params: dict[str, Any]) -> None:
    headers = {"Mcp_Name": params["name"]} if isinstance(params.get("name"), str) else {}
    assert error_of(mcp_key().send("tools/call", params, **headers)) == (400, -32602)


def test_an_unforeseen_error_is_logged_and_tells_nothing(
    mcp_key: KeyMaker, caplog: pytest.LogCaptureFixture
) -> None:
    problem = mcp_key().problem("test_fail")

    assert (problem["code"], problem["status"]) == ("server.error", 500)
    assert "hunter2" not in str(problem)
    assert problem["request_id"]
    assert "tool_failed" in caplog.text


def test_a_thousand_rows_are_answered_and_one_more_is_refused(mcp_key: KeyMaker) -> None:
    client = mcp_key()

    assert len(client.call("test_lines", count=1_000)["lines"]) == 1_000
    assert client.problem("test_lines", count=1_001)["code"] == "tools.answer_too_large"


def test_an_answer_of_256_kib_passes_and_a_byte_more_is_refused(mcp_key: KeyMaker) -> None:
    client = mcp_key()
    room = 256 * 1024 - len(msgspec.json.encode(Lines(lines=[""])))

    assert len(client.call("test_long_line", count=room)["lines"][0]) == room
    assert client.problem("test_long_line", count=room + 1)["code"] == "tools.answer_too_large"


def test_a_statement_is_stopped_when_the_time_is_over(
    mcp_key: KeyMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mcp_key()
    monkeypatch.setattr(calls, "TIME_S", 0.2)

    began_s = time.monotonic()
    problem = client.problem("test_sleep", count=60)
    assert (problem["code"], problem["status"]) == ("tools.timeout", 503)
    assert time.monotonic() - began_s < 30


def test_what_came_too_late_did_not_happen(
    mcp_key: KeyMaker, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, before = mcp_key(), name_of(actors)
    monkeypatch.setattr(calls, "TIME_S", 0.2)

    assert client.problem("test_write_slowly")["code"] == "tools.timeout"
    assert name_of(actors) == before


def test_a_tool_that_is_said_to_read_cannot_write(mcp_key: KeyMaker, actors: Actors) -> None:
    before = name_of(actors)

    assert mcp_key().problem("test_rename_secretly")["code"] == "server.error"
    assert name_of(actors) == before


def test_a_repetition_with_the_same_key_has_no_second_effect(mcp_key: KeyMaker, actors: Actors) -> None:
    client, before = mcp_key(scopes=("datasets:write",)), name_of(actors)
    call = {"name": "test_rename", "arguments": {"count": 2, "idempotency_key": "a b"}}

    first, second = client.result("tools/call", call), client.result("tools/call", call)
    assert name_of(actors) == f"{before} 2"
    assert first["structuredContent"] == second["structuredContent"]
    assert "idempotency_replayed" not in first["_meta"]
    assert second["_meta"]["idempotency_replayed"] is True
    assert IdempotencyRecord.objects.get().path == "/mcp/test_rename"


def test_a_key_stands_for_one_set_of_arguments_of_one_caller(mcp_key: KeyMaker, actors: Actors) -> None:
    client, other = mcp_key(scopes=("datasets:write",)), mcp_key(scopes=("datasets:write",))
    before = name_of(actors)
    client.call("test_rename", count=2, idempotency_key="k")

    assert client.problem("test_rename", count=3, idempotency_key="k")["code"] == "idempotency.mismatch"
    other.call("test_rename", count=3, idempotency_key="k")
    assert name_of(actors) == f"{before} 2 3"


@pytest.mark.parametrize("key", ["", "a" * 256, "ü", 7, "a\nb"])
def test_a_malformed_key_is_refused(mcp_key: KeyMaker, actors: Actors, key: Any) -> None:
    before = name_of(actors)
    problem = mcp_key(scopes=("datasets:write",)).problem("test_rename", idempotency_key=key)

    assert problem["code"] in {"idempotency.key_invalid", "request.invalid"}
    assert name_of(actors) == before


def test_a_failed_call_leaves_nothing_and_its_key_may_be_used_again(
    mcp_key: KeyMaker, actors: Actors
) -> None:
    client, before = mcp_key(), name_of(actors)

    for _ in range(2):
        assert client.problem("test_rename_and_fail", idempotency_key="k")["detail"] == "Not today."
    assert name_of(actors) == before
    assert not IdempotencyRecord.objects.exists()


def test_the_same_key_at_once_is_told_to_wait(mcp_key: KeyMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.accounts.idempotency.AnswerTable.lock", lambda *_: False)

    problem = mcp_key(scopes=("datasets:write",)).problem("test_rename", idempotency_key="k")
    assert problem["code"] == "idempotency.in_flight"


def test_under_maintenance_tools_read_and_none_writes(mcp_key: KeyMaker, actors: Actors) -> None:
    client, before = mcp_key(scopes=("datasets:write",)), name_of(actors)

    with override_settings(MAINTENANCE_READ_ONLY=True):
        assert client.call("test_lines") == {"lines": ["x"]}
        assert client.problem("test_rename")["code"] == "service.read_only"
    assert name_of(actors) == before


def test_a_tool_is_called_app_verb() -> None:
    for name in ("lines", "Test_lines", "test-lines", "test_", "_test"):
        with pytest.raises(ValueError, match="<app>_<verb>"):
            register_tool(tool(name, make_lines))


def test_whoami_tells_a_key_what_it_is(mcp_key: KeyMaker, actors: Actors) -> None:
    facts = mcp_key(Role.ANALYST, ("datasets:read",)).call("accounts_whoami")

    assert facts["organization"]["id"] == str(actors.organization.pk)
    assert (facts["role"], facts["user"], facts["key"]["name"]) == ("analyst", None, "Model")
    assert facts["permissions"] == ["datasets.export", "datasets.view"]


def test_a_resource_address_is_read_strictly(mcp_key: KeyMaker) -> None:
    client: McpClient = mcp_key()

    for address in (
        None,
        7,
        "",
        "sextant://datasets/dataset/../x",
        "http://datasets/dataset/7",
        "sextant://a",
    ):
        headers = {"Mcp_Name": address} if isinstance(address, str) else {}
        assert error_of(client.send("resources/read", {"uri": address}, **headers)) == (400, -32602)
    unknown = f"sextant://nothing/here/{uuid.uuid4()}"
    assert error_of(client.send("resources/read", {"uri": unknown})) == (400, -32602)
    old = McpClient(client.raw_key, revision="2025-06-18")
    assert error_of(old.send("resources/read", {"uri": unknown})) == (200, -32002)
