"""Server-sent events: the stream behind `GET /api/v1/live/events`, the websocket's twin for plain HTTP.

Django answers the request as any other (its walls, limits, headers, problems), but where it would send an
empty 200, this ASGI application around it sends the events. So a stream that lasts hours holds no thread, no
database connection and no middleware: a Django view that streams would hold a thread of its own for each.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from apps.accounts.callers import Presence
from apps.accounts.doors import Door
from apps.common.errors import DomainError, Throttled
from apps.common.live import protocol
from apps.common.live.archive import LiveUnavailable
from apps.common.live.event_ids import decode_event_id, encode_event_id
from apps.common.live.messages import Message
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import CloseCode
from apps.common.live.stopping import StopWatch
from apps.common.live.streams import Position
from apps.common.problems import MEDIA_TYPE, problem_headers, render_problem

PATH: Final = "/api/v1/live/events"
OPENING: Final = "sextant.opening"
COMMENT_EVERY_S: Final = 15.0
RETRY_MS: Final = 3_000
CLOSING_LIMIT_S: Final = 5.0
# Says that a position is unknown: no epoch is called so, and the client is told to refetch.
UNKNOWN: Final = Position(0, "0")

AsgiMessage = dict[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class ConnectionLimit(Throttled):
    """There are too many live connections, of this caller or in all."""

    code = "live.connection_limit"


class StreamEnded(Exception):
    """The stream ends, from our side or because the client has gone."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the view has found to be right: who watches which topics, and what they have already."""

    presence: Presence
    topics: tuple[str, ...]
    last_event_id: str | None

    def first_positions(self) -> dict[str, Position]:
        """Return from where each topic goes on; a topic that is new to the client starts now."""
        if self.last_event_id is None:
            return {}
        known = decode_event_id(self.last_event_id, self.topics)
        return dict.fromkeys(self.topics, UNKNOWN) if known is None else known


@dataclass(slots=True)
class Opening:
    """The place in the ASGI scope where the view leaves its ticket."""

    ticket: Ticket | None = None


class EventStreams:
    """An ASGI application around Django's."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._streams: set[EventStream] = set()
        self._stop_watch = StopWatch(self._end_all)

    async def __call__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        """Pass every request on, and stream where the view has left a ticket."""
        if scope["path"] != PATH:
            await self._application(scope, receive, send)
            return
        opening = Opening()
        start: AsgiMessage = {}

        async def held(message: AsgiMessage) -> None:
            is_start = message["type"] == "http.response.start"
            if is_start and message["status"] != HTTPStatus.OK:
                opening.ticket = None  # something around the view thought otherwise
            if opening.ticket is None:
                await send(message)
            elif is_start:
                start.update(message)

        await self._application(scope | {OPENING: opening}, receive, held)
        if opening.ticket is not None and start:
            await self._stream(EventStream(opening.ticket, start, receive, send))

    async def _stream(self, stream: "EventStream") -> None:
        self._stop_watch.set()
        self._streams.add(stream)
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)

    def _end_all(self) -> None:
        """End all streams, as the server stops; the clients come back by themselves."""
        for stream in tuple(self._streams):
            stream.close(CloseCode.RESTART)


class EventStream(Door):
    """One stream, from Django's answer to its end."""

    def __init__(self, ticket: Ticket, start: AsgiMessage, receive: Receive, send: Send) -> None:
        super().__init__(Outbox(lambda: self.close(CloseCode.TOO_MUCH)))
        self._ticket = ticket
        self._start = start
        self._receive, self._send = receive, send
        self._positions = ticket.first_positions()
        self._has_started = False
        self._end_code: CloseCode | None = None
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Serve the stream to its end; what goes wrong before its first byte is answered as a problem."""
        self.enter()
        refusal: DomainError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._open, self._write, self._until_gone, self._until_closed):
                    group.create_task(work())
        except* StreamEnded:
            pass
        except* DomainError as refusals:
            refusal = next(error for error in refusals.exceptions if isinstance(error, DomainError))
        finally:
            await self.leave()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSING_LIMIT_S):
                await self._finish(refusal)

    def close(self, code: CloseCode) -> None:
        """End the stream at once."""
        if not self.is_closing:
            self._end_code = code
            self._end.set()

    @property
    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._end_code is not None

    async def _open(self) -> None:
        """Subscribe to all topics; raises ConnectionLimit, LiveUnavailable."""
        if self.hub.is_full or not await self.admit(self._ticket.presence):
            raise ConnectionLimit
        assert self.subscriptions is not None  # noqa: S101 - admitted
        for topic, after in [(topic, self._positions.get(topic)) for topic in self._ticket.topics]:
            message = protocol.Subscribe(topic)
            if after is not None:
                message.after, message.epoch = after.seq, after.epoch
            await self.subscriptions.subscribe(message)

    async def _until_gone(self) -> None:
        """Read until the client goes; it has nothing more to say."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise StreamEnded

    async def _until_closed(self) -> None:
        await self._end.wait()
        raise StreamEnded

    # --- writing

    async def _write(self) -> None:
        while True:
            try:
                async with asyncio.timeout(COMMENT_EVERY_S):
                    item = await self.outbox.take()
            except TimeoutError:
                await self._send_text(b": still here\n\n")
                continue
            if isinstance(item, CloseCode):
                self.close(item)
                return
            if not self._has_started:
                self._has_started = True
                await self._send(self._stream_start())
                await self._send_text(b"retry: %d\n\n" % RETRY_MS)
            await self._send_text(self._rendered(item))

    def _stream_start(self) -> AsgiMessage:
        """Return Django's start of the answer without the length of the body that it took for empty."""
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        return {**self._start, "headers": headers}

    async def _send_text(self, text: bytes) -> None:
        if self._has_started:
            await self._send({"type": "http.response.body", "body": text, "more_body": True})

    def _rendered(self, message: Message) -> bytes:
        """Return a message as it goes over the wire: events are unnamed, what is about them is named."""
        name = b"" if message.op == "event" else b"event: %s\n" % message.op.encode()
        if message.position is not None:
            self._positions[message.topic] = message.position
            name += b"id: %s\n" % encode_event_id(self._positions).encode()
        return name + b"data: %s\n\n" % message.content

    async def _finish(self, refusal: DomainError | None) -> None:
        """Send the last of the answer: why it ends, or the problem if it never began."""
        if not self._has_started:
            await self._send_problem(refusal or LiveUnavailable(retry_after_s=1))
            return
        if self._end_code is not None:
            code = self._end_code
            last = protocol.encode("closed", code=int(code), reason=code.name.lower())
            await self._send_text(self._rendered(last))
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_problem(self, error: DomainError) -> None:
        """Answer an error in the place of Django's 200, with the rest of its headers."""
        own = {b"content-type", b"content-length", b"cache-control"}
        kept = {name.lower(): value for name, value in self._start["headers"] if name.lower() not in own}
        status, content = render_problem(error, kept.get(b"x-request-id", b"").decode())
        for name, value in (problem_headers(error) | {"Content-Type": MEDIA_TYPE}).items():
            kept[name.lower().encode()] = value.encode()
        kept[b"content-length"] = str(len(content)).encode()
        start = {"type": "http.response.start", "status": int(status), "headers": list(kept.items())}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content})
