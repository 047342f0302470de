"""How much a caller may ask of MCP in a minute."""

import json
from typing import Any

import pytest
from django.test import override_settings

from apps.accounts.models import Role
from apps.common import tools
from apps.common.quotas import Quota
from tests.mcp.conftest import KeyMaker, McpClient, error_of


@pytest.fixture
def few(settings: Any) -> None:
    columns = settings.RATE_LIMITS["mcp"]
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"mcp": {name: (Quota(3, 3_600),) for name in columns}}


def test_every_answer_tells_what_is_left_and_the_fourth_is_refused(few: None, mcp_key: KeyMaker) -> None:
    client = mcp_key()

    answers = [client.send("tools/list") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"mcp";q=3;w=3600'
    assert answers[0]["RateLimit"].startswith('"mcp";r=2')
    refused = json.loads(answers[3].content)
    assert refused["code"] == "rate.limited"
    assert int(answers[3]["Retry-After"]) >= 1
    assert mcp_key().send("tools/list").status_code == 200  # another key has its own


def test_each_message_of_a_batch_counts(few: None, mcp_key: KeyMaker) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    assert mcp_key().post([ping] * 3).status_code == 200
    assert mcp_key().post([ping] * 4).status_code == 429


def test_a_malformed_message_counts_too(few: None, mcp_key: KeyMaker) -> None:
    client = mcp_key()

    assert [error_of(client.post(b"{")) for _ in range(3)] == [(400, -32700)] * 3
    assert client.post(b"{").status_code == 429


def test_a_tool_may_count_against_a_scope_of_its_own(
    mcp_key: KeyMaker, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    columns = settings.RATE_LIMITS["export"]
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"export": {name: (Quota(1),) for name in columns}}
    whoami = tools.find_tool("accounts_whoami")
    assert whoami is not None
    monkeypatch.setattr(tools, "_tools", dict(tools._tools))
    fields = {name: getattr(whoami, name) for name in type(whoami).__dataclass_fields__}
    tools.register_tool(type(whoami)(**fields | {"name": "test_export", "limit": "export"}))
    client = mcp_key(Role.ANALYST)

    client.call("test_export")
    problem = client.problem("test_export")
    assert (problem["code"], problem["status"]) == ("rate.limited", 429)
    assert problem["retry_after_s"] >= 1
    client.call("accounts_whoami")


def test_failed_sign_ins_are_counted_by_address(db: None, settings: Any) -> None:
    with override_settings(RATE_LIMITS=settings.RATE_LIMITS | {"auth_failed": {"ip": (Quota(2),)}}):
        statuses = [McpClient().send("tools/list").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
