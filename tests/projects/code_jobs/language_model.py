"""A language model on loopback, which says what its test wants."""

import json
from typing import Any

from pytest_django.fixtures import Settings

from tests.common.foreign_host import ForeignHost, Respond, plain

EMPTY: dict[str, Any] = {"text_md": "", "files": [], "docstrings": [], "anchors": [], "suggestions": []}


def saying(content: str | None, *, tokens_in: int = 100, tokens_out: int = 20) -> Respond:
    """Return the response of a server that speaks chat completions."""
    usage = {
        "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
    }  # fmt: skip
    message = {"role": "assistant", "content": content, "refusal": None if content else "I will not."}
    document = {"model": "small-1", "choices": [{"message": message}], "usage": usage}
    return plain(json.dumps(document).encode(), "200 OK", "Content-Type: application/json")


def answering(**fields: Any) -> Respond:
    """Return the response with a valid answer."""
    return saying(json.dumps(EMPTY | fields))


def use_model(settings: Settings, host: ForeignHost) -> None:
    """Let the installation ask the server."""
    settings.AI_PROVIDER = "openai_compatible"
    settings.AI_BASE_URL = f"http://127.0.0.1:{host.port}/v1"
    settings.AI_MODEL = "small"
    settings.AI_TIMEOUT_S = 2.0


def prompts(host: ForeignHost) -> list[str]:
    """Return what the server was asked, call by call."""
    bodies = [head.split("\r\n\r\n", 1)[1].encode("latin-1") for head in host.heads]
    return [json.loads(body)["messages"][0]["content"] for body in bodies]
