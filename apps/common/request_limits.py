"""The guard before Django: size of address, headers and body, and patience with slow senders.

Django's ASGI handler reads a whole body to disk before any of our code runs, so a chunked body without an end
has to be stopped here. The guard answers by itself and reads no further.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from django.urls import Resolver404, resolve

from apps.common.errors import DomainError, Malformed, TooLarge, Unavailable
from apps.common.problems import (
    MEDIA_TYPE,
    REQUEST_ID,
    AddressTooLong,
    RequestTimeout,
    is_full_disk,
    problem_headers,
    render_problem,
)
from apps.common.uploads import FRAMING_BYTES, max_bytes_of

ADDRESS_MAX_BYTES: Final = 8 * 1024
HEADERS_MAX_BYTES: Final = 16 * 1024
BODY_MAX_BYTES: Final = 1024 * 1024
SILENCE_S: Final = 30.0
BODY_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Django, Channels and uvicorn type the three differently.
Application = Callable[[Any, Any, Any], Awaitable[None]]


class RequestLimits:
    """An ASGI application around another one; other protocols than HTTP pass untouched."""

    def __init__(self, application: Application, *, silence_s: float = SILENCE_S) -> None:
        self._application = application
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it is over a limit."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body_max = body_max_bytes(scope["path"]) if announces_body(scope) else BODY_MAX_BYTES
        try:
            check_head(scope, body_max)
        except DomainError as error:
            await _answer(error, scope, send)
            return
        await self._run(scope, receive, send, body_max)

    async def _run(self, scope: Scope, receive: Receive, send: Send, body_max: int) -> None:
        """Run the application on a body that is counted while it arrives.

        When the body is refused, the application is told that the client has gone: it cleans up, and the
        answer comes from here.
        """
        received_bytes = 0
        is_complete = has_started = False
        refusal: DomainError | None = None

        async def counted() -> Message:
            nonlocal received_bytes, is_complete, refusal
            if is_complete:
                return await receive()  # only the news that the client has gone
            try:
                message = await asyncio.wait_for(receive(), self._silence_s)
            except TimeoutError:
                refusal = RequestTimeout(f"No byte arrived for {self._silence_s:g} s.")
                return {"type": "http.disconnect"}
            received_bytes += len(message.get("body", b""))
            if received_bytes > body_max:
                refusal = TooLarge(f"The body has more than {body_max} bytes.")
                return {"type": "http.disconnect"}
            is_complete = not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._application(scope, counted, noted)
        except OSError as error:
            # A body is spooled to the disk before Django has a request whose error it could answer.
            if has_started or not is_full_disk(error):
                raise
            refusal = Unavailable()
        if refusal is not None and not has_started:
            await _answer(refusal, scope, send)


def announces_body(scope: Scope) -> bool:
    """Tell whether a body may follow: looking an address up costs as much as all else here."""
    return any(name in BODY_HEADERS for name, _value in scope["headers"])


def body_max_bytes(path: str) -> int:
    """Return how large a body an address takes: files as its view states, else 1 MiB."""
    try:
        view = resolve(path).func
    except Resolver404:
        return BODY_MAX_BYTES
    files_max = max_bytes_of(view)
    return files_max + FRAMING_BYTES if files_max else BODY_MAX_BYTES


def check_head(scope: Scope, body_max: int) -> None:
    """Judge what is known before the body; raises AddressTooLong, Malformed, TooLarge."""
    address_bytes = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if address_bytes > ADDRESS_MAX_BYTES:
        raise AddressTooLong(f"The address has more than {ADDRESS_MAX_BYTES} bytes.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_MAX_BYTES:
        raise TooLarge(f"The headers have more than {HEADERS_MAX_BYTES} bytes.")
    length = _header(scope, b"content-length") or "0"
    if not length.isdecimal():
        raise Malformed("Content-Length is not a number.")
    if int(length) > body_max:
        raise TooLarge(f"The body has more than {body_max} bytes.")


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


async def _answer(error: DomainError, scope: Scope, send: Send) -> None:
    """Send the problem and close: the rest of the body is not read."""
    request_id = _header(scope, b"x-request-id")
    if not REQUEST_ID.fullmatch(request_id):
        request_id = uuid.uuid4().hex
    status, content = render_problem(error, request_id)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in problem_headers(error).items()),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": content})
