"""Bodies of resumable uploads, handed to Django piece by piece while they arrive.

Django reads a whole body before any view runs: a connection that breaks after a gigabyte would leave nothing
behind. So here a long PATCH becomes a row of short ones, each of which passes every wall, is durable before
the next is read, and stays when the process dies. What has a checksum is judged as a whole and goes in one
piece. The first request of each row brings no byte: who may not send is told before sending.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from asgiref.sync import sync_to_async

from apps.datasets.storage.upload_locks import LEASE_MS, hold, release

PIECE_BYTES: Final = 8 * 1024 * 1024
ADDRESS: Final = re.compile(r"/api/v1/datasets/uploads/([0-9a-fA-F-]{36})")
# How a request tells the view that it is one of a row; no client can set what is no header.
WRITER: Final = "upload_writer"
IS_COUNTED: Final = "upload_is_counted"
OFFSET: Final = b"upload-offset"
CHECKSUM: Final = b"upload-checksum"
OF_THE_BODY: Final = frozenset({b"content-length", b"transfer-encoding", OFFSET, CHECKSUM})
# What the first answer says of the limit, which counts the row once.
OF_THE_LIMIT: Final = frozenset({b"ratelimit", b"ratelimit-policy"})
NO_CONTENT: Final = 204

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class UploadStreams:
    """An ASGI application around Django's; all but bytes of uploads pass untouched."""

    def __init__(self, application: Application, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._application = application
        self._piece_bytes = piece_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or take it apart."""
        found = ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "PATCH" or not _offset(scope).isdecimal():
            await self._application(scope, receive, send)
            return
        row = PatchRow(self._application, scope, found[1].lower(), self._piece_bytes)
        await row.run(receive, send)


class PatchRow:
    """One PATCH as a row of them, by one writer."""

    def __init__(self, application: Application, scope: Scope, upload_id: str, piece_bytes: int) -> None:
        self._application = application
        self._scope = scope
        self._upload_id = upload_id
        self._piece_bytes = piece_bytes
        self._writer = uuid.uuid4().hex
        self._offset = int(_offset(scope))

    async def run(self, receive: Receive, send: Send) -> None:
        """Answer the PATCH; the first request that is refused gives the answer."""
        renewing = asyncio.create_task(self._renew())
        try:
            opened = await self._ask(b"", is_counted=False)
            if opened.status == NO_CONTENT:
                await self._take(opened, receive, send)
            else:
                await opened.send(send)
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await sync_to_async(release, thread_sensitive=False)(self._upload_id, self._writer)

    async def _take(self, opened: "Answer", receive: Receive, send: Send) -> None:
        if any(name == CHECKSUM for name, _value in self._scope["headers"]):
            scope = dict(self._scope) | {WRITER: self._writer, IS_COUNTED: True}
            await self._application(scope, receive, send)
            return
        last = await self._take_pieces(opened, receive)
        if last is not None:
            await last.with_limit_of(opened).send(send)

    async def _take_pieces(self, answer: "Answer", receive: Receive) -> "Answer | None":
        """Pass the body on in pieces; return the last answer, None if the sender has gone."""
        piece = bytearray()
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                # What came is kept: the sender goes on behind it.
                await self._pass_on(piece)
                return None
            piece += message.get("body", b"")
            has_more = message.get("more_body", False)
            if len(piece) >= self._piece_bytes or (piece and not has_more):
                answer = await self._pass_on(piece)
                if answer.status != NO_CONTENT:
                    return answer
                piece = bytearray()
        return answer

    async def _pass_on(self, piece: bytearray) -> "Answer":
        answer = await self._ask(bytes(piece), is_counted=True)
        self._offset += len(piece)
        return answer

    async def _ask(self, body: bytes, *, is_counted: bool) -> "Answer":
        """Make one request of the row and return its answer."""
        headers = [pair for pair in self._scope["headers"] if pair[0] not in OF_THE_BODY]
        headers += [(OFFSET, b"%d" % self._offset), (b"content-length", b"%d" % len(body))]
        scope = dict(self._scope) | {"headers": headers, WRITER: self._writer, IS_COUNTED: is_counted}
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        answer = Answer()

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        await self._application(scope, receive, answer.take)
        return answer

    async def _renew(self) -> None:
        """Keep the lease that the first request took while bytes are slow to come."""
        while True:
            await asyncio.sleep(LEASE_MS / 3_000)
            await sync_to_async(hold, thread_sensitive=False)(self._upload_id, self._writer)


class Answer:
    """The answer to one request of a row, kept until it is known whether it is the last."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.body = b""

    async def take(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def with_limit_of(self, first: "Answer") -> "Answer":
        """Return this answer with what the first one says of the rate limit."""
        if first is not self:
            own = {name.lower() for name, _value in self.headers}
            limit = [pair for pair in first.headers if pair[0].lower() in OF_THE_LIMIT - own]
            self.headers += limit
        return self

    async def send(self, send: Send) -> None:
        """Send the answer on."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def _offset(scope: Scope) -> str:
    """Return Upload-Offset, empty if there is none; what is no number is left to the view."""
    values = (value for name, value in scope["headers"] if name == OFFSET)
    text = next(values, b"").decode("latin-1")
    return text if text.isascii() and len(text) <= 18 else ""  # noqa: PLR2004 - as many as the view takes
