"""The guard before Django: size of address, headers and body, and patience with slow senders.

Django's ASGI handler reads a whole body to disk before any of our code runs, so a chunked body without an end
has to be stopped here. The guard answers by itself and reads no further.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
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
from apps.common.uploads import FRAMING_BYTES, max_bytes_of, max_seconds_of, refusal_of

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


# Also of a small body, which nobody sends so slowly for good.
BODY_MAX_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a body may be, how long it may take in all, and what a larger one is called."""

    max_bytes: int = BODY_MAX_BYTES
    max_s: float = BODY_MAX_S
    refusal: type[TooLarge] = TooLarge


PLAIN_BODY: Final = BodyLimit()


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
        limit = body_limit(scope["path"]) if may_be_large(scope) else PLAIN_BODY
        try:
            check_head(scope, limit.max_bytes, limit.refusal)
        except DomainError as error:
            await _answer(error, scope, send)
            return
        await self._run(scope, receive, send, limit)

    async def _run(self, scope: Scope, receive: Receive, send: Send, limit: BodyLimit) -> None:
        """Run the application on a body that is counted while it arrives.

        When the body is refused, the application is told that the client has gone: it cleans up, and the
        answer comes from here.
        """
        body = CountedBody(receive, limit, self._silence_s)
        has_started = False

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._application(scope, body.receive, noted)
        except OSError as error:
            # A body is spooled to the disk before Django has a request whose error it could answer.
            if has_started or not is_full_disk(error):
                raise
            body.refusal = Unavailable()
        if body.refusal is not None and not has_started:
            await _answer(body.refusal, scope, send)


class CountedBody:
    """A body on its way: its bytes are counted and its pauses timed until it is whole or refused."""

    def __init__(self, receive: Receive, limit: BodyLimit, silence_s: float) -> None:
        self.refusal: DomainError | None = None
        self._receive = receive
        self._limit = limit
        self._silence_s = silence_s
        self._ends_at_s = time.monotonic() + limit.max_s
        self._received_bytes = 0
        self._is_complete = False

    async def receive(self) -> Message:
        """Return the next message; of a body that is refused, that the client has gone."""
        if self._is_complete:
            return await self._receive()  # only the news that the client has gone
        left_s = self._ends_at_s - time.monotonic()
        try:
            # No `wait_for`, which makes a task of its own for every piece of every request.
            async with asyncio.timeout(min(self._silence_s, left_s)):
                message = await self._receive()
        except TimeoutError:
            late = left_s < self._silence_s
            return self._refuse(too_slow(self._limit, self._silence_s, is_late=late))
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._limit.max_bytes:
            return self._refuse(self._limit.refusal(f"The body has more than {self._limit.max_bytes} bytes."))
        self._is_complete = not message.get("more_body", False)
        return message

    def _refuse(self, refusal: DomainError) -> Message:
        self.refusal = refusal
        return {"type": "http.disconnect"}


def announces_body(scope: Scope) -> bool:
    """Tell whether a body may follow."""
    return any(name in BODY_HEADERS for name, _value in scope["headers"])


def may_be_large(scope: Scope) -> bool:
    """Tell whether a body may follow that only some views take; to look for the view costs more than this."""
    if any(name == b"transfer-encoding" for name, _value in scope["headers"]):
        return True
    length = _header(scope, b"content-length")
    return length.isdecimal() and int(length) > BODY_MAX_BYTES


def body_limit(path: str) -> BodyLimit:
    """Return what body an address takes: files as its view states, else 1 MiB without haste."""
    try:
        view = resolve(path).func
    except Resolver404:
        return PLAIN_BODY
    files_max = max_bytes_of(view)
    if not files_max:
        return PLAIN_BODY
    return BodyLimit(files_max + FRAMING_BYTES, max_seconds_of(view), refusal_of(view))


def too_slow(limit: BodyLimit, silence_s: float, *, is_late: bool) -> RequestTimeout:
    """Return why a body is not waited for any longer."""
    if is_late:
        return RequestTimeout(f"The body took more than {limit.max_s:g} s.")
    return RequestTimeout(f"No byte arrived for {silence_s:g} s.")


def check_head(scope: Scope, body_max: int, refusal: type[TooLarge] = TooLarge) -> None:
    """Judge what is known before the body; raises AddressTooLong, Malformed, TooLarge, `refusal`."""
    address_bytes = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if address_bytes > ADDRESS_MAX_BYTES:
        raise AddressTooLong(f"The address has more than {ADDRESS_MAX_BYTES} bytes.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_MAX_BYTES:
        raise TooLarge(f"The headers have more than {HEADERS_MAX_BYTES} bytes.")
    length = _header(scope, b"content-length") or "0"
    if not length.isdecimal():
        raise Malformed("Content-Length is not a number.")
    if int(length) > body_max:
        raise refusal(f"The body has more than {body_max} bytes.")


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
