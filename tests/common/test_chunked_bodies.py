"""A body in chunks, without a stated length, is read like any other."""

import asyncio
import json
from typing import Any

import pytest

from config.asgi import application


async def post_chunked(path: str, chunks: list[bytes], media_type: str) -> tuple[int, Any]:
    left, sent = list(chunks), []

    async def receive() -> Any:
        if not left:
            await asyncio.Event().wait()  # the client stays until it has its answer
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"host": "localhost", "content-type": media_type, "transfer-encoding": "chunked"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    left.append(b"")
    await application(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.mark.django_db(transaction=True)
async def test_json_in_chunks_is_read() -> None:
    status, problem = await post_chunked(
        "/api/v1/auth/login", [b'{"email": "a@exam', b'ple.com", "colour": 1}'], "application/json"
    )

    assert status == 422
    assert [item["pointer"] for item in problem["errors"]] == ["/colour"]
