"""The websocket `/ws/live`: handshake, sign-in, conversation, close codes (platform.md section 12).

What a client watches is kept in `apps.common.live`, who it is in `doors`; here is how the two talk.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError

from apps.accounts import callers
from apps.accounts.callers import Presence
from apps.accounts.doors import Door
from apps.common.addresses import client_address
from apps.common.cross_origin import is_origin_allowed
from apps.common.errors import DomainError, Malformed, Unauthenticated, Unavailable
from apps.common.live import protocol
from apps.common.live.messages import WIRE, Message
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import CloseCode
from apps.common.live.subscriptions import TopicLimit
from apps.common.requests import check_query

CLOSING_LIMIT_S: Final = 5.0

AsgiMessage = dict[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
Application = Callable[[AsgiMessage, Receive, Send], Awaitable[None]]

logger = structlog.get_logger(__name__)


class ClientGone(Exception):
    """The websocket is closed."""


class LiveConsumer(Door):
    """One websocket. Reading happens here, writing at once or in a task of its own behind a bounded queue."""

    def __init__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        self._wire: Callable[[bytes], bool] | None = scope.get("extensions", {}).get(WIRE)
        super().__init__(Outbox(lambda: self.close(CloseCode.TOO_MUCH), self._write_now))
        self._request = callers.handshake_request(scope)
        self._offered = scope.get("subprotocols") or []
        self._receive, self._send = receive, send
        self._rate = protocol.MessageRate(_now_s())
        self._bad_messages = 0
        self._writer: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None

    @classmethod
    def as_asgi(cls) -> Application:
        """Return the application that makes one consumer per connection."""

        async def application(scope: AsgiMessage, receive: Receive, send: Send) -> None:
            await cls(scope, receive, send).run()

        return application

    # --- the connection

    async def run(self) -> None:
        """Serve the connection to its end."""
        await self._receive()  # websocket.connect
        subprotocol = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in self._offered else None
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self.enter()
        self._writer = asyncio.get_running_loop().create_task(self._write())
        try:
            await self._serve()
        except ClientGone:
            pass
        except Exception:  # the boundary of a connection: say so, and close
            logger.exception("live.connection_failed", connection_id=self.connection_id)
            self.close(CloseCode.INTERNAL)
        finally:
            await self._clean_up()

    async def _serve(self) -> None:
        code = self._refusal()
        if code is not None:
            self.close(code)
        else:
            await self._sign_in_by_handshake()
        if self.presence is None:
            await self._wait_for_auth()
        while True:
            await self._answer(await self._next_message())

    async def _clean_up(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
        try:
            if self._closer is not None:
                await self._closer
        finally:
            await self.leave()

    async def _next_message(self) -> str | None:
        """Return the next text within size and rate; None for a binary message."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise ClientGone
            text: str | None = message.get("text")
            size = len(text.encode() if text is not None else message.get("bytes") or b"")
            if self.is_closing:
                continue
            if size > protocol.MESSAGE_MAX_BYTES:
                self.close(CloseCode.TOO_LARGE)
            elif not self._rate.take(_now_s()):
                self.close(CloseCode.TOO_MUCH)
            else:
                return text

    def _write_now(self, message: Message) -> bool:
        """Write without waiting; False if the client does not keep up, or the server has no such way."""
        return self._wire is not None and self._wire(message.wire)

    async def _write(self) -> None:
        try:
            while True:
                item = await self.outbox.take()
                if isinstance(item, CloseCode):
                    self.close(item)
                    return
                if not self._write_now(item):
                    await self._send({"type": "websocket.send", "text": item.content.decode()})
        except OSError:
            pass  # gone; the reader hears of it
        finally:
            self.outbox.close()

    @property
    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._closer is not None

    def close(self, code: CloseCode) -> None:
        """Close at once, whatever waits; the reader then hears the end."""
        if self._closer is None:
            if self._writer is not None:
                self._writer.cancel()
            self._closer = asyncio.get_running_loop().create_task(self._send_close(code))

    async def _send_close(self, code: CloseCode) -> None:
        message = {"type": "websocket.close", "code": int(code), "reason": code.name.lower()}
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSING_LIMIT_S):
                await self._send(message)

    # --- who it is

    def _refusal(self) -> CloseCode | None:
        """Return why the handshake is refused, if it is."""
        if self.hub.is_full:
            return CloseCode.TOO_MUCH
        if not is_origin_allowed(self._request):
            return CloseCode.ORIGIN
        return None

    async def _sign_in_by_handshake(self) -> None:
        """Take key, token or cookie of the handshake; a bad key or token ends it, a stale cookie does not."""
        try:
            check_query(self._request)
            if callers.carries_credentials(self._request):
                organization = self._request.headers.get("X-Organization", "")
                sign_in = database_sync_to_async(callers.presence_by_request)
                presence = await sign_in(self._request, organization)
                if presence is not None:
                    await self._enter(presence)
        except DomainError as error:
            await self.outbox.put(protocol.encode_error(error))
            self.outbox.end(CloseCode.BAD_MESSAGES if isinstance(error, Malformed) else CloseCode.SIGNED_OUT)

    async def _wait_for_auth(self) -> None:
        try:
            async with asyncio.timeout(protocol.AUTH_LIMIT_S):
                while self.presence is None:
                    await self._answer(await self._next_message())
        except TimeoutError:
            self.close(CloseCode.SILENT)

    async def _authenticate(self, message: protocol.Auth) -> None:
        """Sign in by a first `auth`, renew the sign-in by another token, or change the organization."""
        organization = message.organization or ""
        if message.token is not None:
            sign_in = database_sync_to_async(callers.presence_by_raw)
            ip = client_address(self._request)
            presence = await sign_in(message.token, ip=ip, organization=organization)
        elif self.presence is not None:
            presence = await database_sync_to_async(callers.presence_of)(self.presence.caller, organization)
        else:
            raise Unauthenticated
        await self._enter(presence)

    async def _enter(self, presence: Presence) -> None:
        """Act as somebody from now on; whoever has too many connections is sent away."""
        if not await self.admit(presence):
            self.outbox.end(CloseCode.TOO_MUCH)
            return
        await self.outbox.put(
            protocol.encode(
                "welcome",
                connection_id=self.connection_id,
                organization_id=presence.actor.organization.pk,
                heartbeat_s=protocol.HEARTBEAT_S,
            )
        )

    # --- the conversation

    async def _answer(self, text: str | None) -> None:
        try:
            message = protocol.parse_message(text)
        except Malformed as error:
            self._bad_messages += 1
            await self.outbox.put(protocol.encode_error(error, id=protocol.message_id(text)))
            if self._bad_messages >= protocol.BAD_MESSAGES_MAX:
                self.outbox.end(CloseCode.BAD_MESSAGES)
            return
        try:
            await self._act(message)
        except DatabaseError:
            logger.warning("live.database_unavailable", connection_id=self.connection_id)
            await self.outbox.put(protocol.encode_error(Unavailable(), id=message.id))
        except DomainError as error:
            await self.outbox.put(protocol.encode_error(error, id=message.id))
            self._end_after(message, error)

    def _end_after(self, message: protocol.ClientMessage, error: DomainError) -> None:
        """Close behind the errors that leave nothing to talk about."""
        if isinstance(error, TopicLimit):
            self.outbox.end(CloseCode.TOO_MUCH)
        elif isinstance(error, Unauthenticated) and isinstance(message, protocol.Auth):
            self.outbox.end(CloseCode.SIGNED_OUT)

    async def _act(self, message: protocol.ClientMessage) -> None:
        match message:
            case protocol.Ping():
                await self.outbox.put(protocol.encode("pong", id=message.id))
            case protocol.Auth():
                await self._authenticate(message)
            case _ if self.subscriptions is None:
                raise Unauthenticated("Say `auth` first.")
            case protocol.Subscribe():
                await self.subscriptions.subscribe(message)
            case protocol.Unsubscribe():
                await self.subscriptions.unsubscribe(message)
            case protocol.Replay():
                await self.subscriptions.replay(message)
            case protocol.Ack():
                await self.subscriptions.acknowledge(message)


async def refuse_path(scope: AsgiMessage, receive: Receive, send: Send) -> None:
    """Close a websocket of an unknown path in a way that its client can see."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(CloseCode.PATH), "reason": "path"})


def _now_s() -> float:
    return asyncio.get_running_loop().time()
