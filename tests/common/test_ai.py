"""The port to a language model: valid answers, budgets, and every way in which there is none."""

import json
import uuid
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.common import ai
from apps.common.outbound import breaker as breakers
from tests.common.foreign_host import Respond, plain, serving

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def organization_id() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Any:
    yield
    ai.recorded.clear()
    ai.answers.clear()
    breakers._known.clear()


def ask(organization_id: uuid.UUID, prompt: str = "Name it.", max_tokens: int = 50) -> ai.Completion:
    return ai.complete(
        organization_id=organization_id, purpose="naming", prompt=prompt, schema=SCHEMA, max_tokens=max_tokens
    )


def reply(content: str, tokens: int = 30) -> Respond:
    """Return the response of an OpenAI-compatible server."""
    document = {
        "model": "small-1",
        "choices": [{"message": {"role": "assistant", "content": content}}],
        "usage": {"total_tokens": tokens},
    }
    return plain(json.dumps(document).encode(), "200 OK", "Content-Type: application/json")


def use_server(settings: Settings, port: int) -> None:
    settings.AI_PROVIDER = "openai_compatible"
    settings.AI_BASE_URL = f"http://127.0.0.1:{port}/v1"
    settings.AI_MODEL = "small"
    settings.AI_API_KEY = "sk-very-secret"
    settings.AI_TIMEOUT_S = 2.0


def test_without_a_model_there_is_no_answer(settings: Settings, organization_id: uuid.UUID) -> None:
    settings.AI_PROVIDER = "none"
    with pytest.raises(ai.AiUnavailable, match="No language model"):
        ask(organization_id)


def test_a_server_in_the_own_network_answers_by_the_schema(
    settings: Settings, organization_id: uuid.UUID
) -> None:
    with serving(reply('{"name": "Anna"}')) as host:
        use_server(settings, host.port)
        completion = ask(organization_id)
    assert completion == ai.Completion(answer={"name": "Anna"}, model="small-1", tokens=30)
    assert host.heads[0].startswith("POST /v1/chat/completions HTTP/1.1")
    assert "Authorization: Bearer sk-very-secret" in host.heads[0]
    assert '"json_schema"' in host.heads[0].split("\r\n\r\n", 1)[1]


@pytest.mark.parametrize(
    "content", ["", "Anna", '{"name": 5}', '{"name": "a", "order": "rm -rf"}', "[" * 100_000]
)
def test_an_answer_that_does_not_fit_the_schema_is_none(
    settings: Settings, organization_id: uuid.UUID, content: str
) -> None:
    settings.AI_PROVIDER = "recording"
    ai.answers.append(content)
    with pytest.raises(ai.AiUnavailable, match="not usable"):
        ask(organization_id)


@pytest.mark.parametrize(
    "respond",
    [
        plain(b"", "500 Internal Server Error"),
        plain(b"", "401 Unauthorized"),
        plain(b"<html>", "200 OK"),
        plain(b'{"choices": []}', "200 OK"),
        plain(b"", "302 Found", "Location: https://169.254.169.254/"),
    ],
)
def test_a_server_that_does_not_answer_as_it_should_is_no_model(
    settings: Settings, organization_id: uuid.UUID, respond: Respond
) -> None:
    with serving(respond) as host:
        use_server(settings, host.port)
        with pytest.raises(ai.AiUnavailable):
            ask(organization_id)


def test_the_budget_of_a_day_is_kept_by_what_was_really_used(
    settings: Settings, organization_id: uuid.UUID
) -> None:
    settings.AI_DAILY_TOKENS = 200
    with serving(reply('{"name": "a"}', tokens=20)) as host:
        use_server(settings, host.port)
        for _ in range(7):  # each reserves 52 and uses 20
            ask(organization_id)
        ask(organization_id)
        with pytest.raises(ai.AiUnavailable, match="used up"):
            ask(organization_id)
        assert ask(uuid.uuid4()).tokens == 20  # another organization has a budget of its own
    assert len(host.heads) == 9


def test_a_call_that_failed_costs_nothing(settings: Settings, organization_id: uuid.UUID) -> None:
    settings.AI_PROVIDER = "recording"
    settings.AI_DAILY_TOKENS = 60
    for _ in range(3):
        with pytest.raises(ai.AiUnavailable):
            ask(organization_id)  # nothing to say
    ai.answers.append('{"name": "a"}')
    assert ask(organization_id).answer == {"name": "a"}
    assert [question.purpose for question in ai.recorded] == ["naming"] * 4


def test_without_valkey_nobody_counts_so_nobody_asks(settings: Settings, organization_id: uuid.UUID) -> None:
    settings.AI_PROVIDER = "recording"
    settings.CACHE_URL = "redis://127.0.0.1:9/0"
    with pytest.raises(ai.AiUnavailable, match="cannot be counted"):
        ask(organization_id)
    assert ai.recorded == []
