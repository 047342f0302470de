"""A request at a door, read to its end within bounds; and what goes back."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from django.conf import settings

from apps.common.errors import DomainError, Malformed, TooLarge
from apps.common.problems import MEDIA_TYPE, RequestTimeout, problem_headers, render_problem
from apps.common.request_limits import SILENCE_S, check_head
from apps.common.requests import FORM_MAX_FIELDS
from apps.metrics.errors import Overloaded

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
JSON_TYPE: Final = "application/json"
RETRY_AFTER_S: Final = 1


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(slots=True)
class Waiting:
    """The bytes of bodies that this process holds; more than INFLIGHT_BYTES are not taken in."""

    held_bytes: int = 0

    def take(self, size: int) -> None:
        """Count bytes in; raises Overloaded."""
        if self.held_bytes + size > settings.METRICS_INFLIGHT_BYTES:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        self.held_bytes += size

    def give(self, size: int) -> None:
        """Count bytes out."""
        self.held_bytes -= size


@dataclass
class DoorRequest:
    """One request with its whole body, as sent."""

    method: str
    path: str
    query_string: bytes
    headers: Mapping[bytes, bytes]
    ip: str | None
    received_at_us: int
    body: bytes = b""
    # What a door has found out on the way, for its own answer.
    notes: dict[str, Any] = field(default_factory=dict)

    def header(self, name: bytes) -> str:
        """Return a header's value, stripped; empty if there is none."""
        return self.headers.get(name, b"").decode("latin-1").strip()

    @cached_property
    def query(self) -> dict[str, str]:
        """Return the parameters of the address; of one that comes twice the last counts."""
        return dict(parse_qsl(self.query_string.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """Return the fields of a form in the body; raises Malformed."""
        try:
            text = self.body.decode()
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_MAX_FIELDS))
        except ValueError as error:
            raise Malformed("The form is not valid UTF-8, or has too many fields.") from error

    @property
    def media_type(self) -> str:
        """Return the media type of the body, without parameters."""
        return self.header(b"content-type").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        """Return how the body is compressed."""
        return self.header(b"content-encoding").lower() or "identity"

    @cached_property
    def request_id(self) -> str:
        """Return the id under which the request is logged: the caller's own if it is well formed."""
        named = self.header(b"x-request-id")
        return named if REQUEST_ID.fullmatch(named) else uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it goes over the wire."""

    status: int
    body: bytes = b""
    media_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(request: DoorRequest, error: DomainError) -> Response:
    """Return an error in the platform's own shape."""
    status, body = render_problem(error, request.request_id)
    return Response(int(status), body, MEDIA_TYPE, problem_headers(error))


def merged_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers by name; of one that comes twice the last counts."""
    return dict(scope["headers"])


async def read_body(scope: Scope, receive: Receive, waiting: Waiting) -> bytes:
    """Return the whole body; its bytes are counted as waiting until the caller gives them back.

    Raises TooLarge as soon as it is known, AddressTooLong, Malformed, RequestTimeout, Overloaded, ClientGone.
    """
    limit = settings.METRICS_MAX_BODY_BYTES
    check_head(scope, limit)
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            message = await _next_part(receive)
            part = message.get("body", b"")
            _check_size(size + len(part), limit)
            waiting.take(len(part))
            size += len(part)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts) if len(parts) > 1 else parts[0]
    except BaseException:
        waiting.give(size)
        raise


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")


async def _next_part(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(SILENCE_S):
            message = await receive()
    except TimeoutError as error:
        raise RequestTimeout(f"No byte arrived for {SILENCE_S:g} s.") from error
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def respond(send: Send, response: Response, extra: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Send an answer."""
    headers = [
        (b"x-content-type-options", b"nosniff"),
        *((name.lower().encode(), value.encode()) for name, value in response.headers.items()),
        *extra,
    ]
    if response.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(response.body)).encode()))
    if response.body:
        headers.append((b"content-type", response.media_type.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
