"""The websocket `/ws/live`: handshake, sign-in, conversation, close codes (platform.md section 12).

What a client watches is kept in `apps.common.live`; here is who it is and how the two talk.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from apps.accounts import callers
from apps.accounts.callers import Caller, Presence
from apps.common.addresses import client_address
from apps.common.cross_origin import is_origin_allowed
from apps.common.errors import DomainError, Malformed, Unauthenticated, Unavailable
from apps.common.live import protocol
from apps.common.live.archive import LiveUnavailable
from apps.common.live.hub import current_hub
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import CloseCode
from apps.common.live.subscriptions import Subscriptions, TopicLimit
from apps.common.requests import check_query

CLOSING_LIMIT_S: Final = 5.0

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

logger = structlog.get_logger(__name__)


class ClientGone(Exception):
    """The websocket is closed."""


class LiveConsumer:
    """One websocket. Reading happens here, writing in a task of its own behind a bounded queue."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._request = callers.handshake_request(scope)
        self._offered = scope.get("subprotocols") or []
        self._receive, self._send = receive, send
        self._hub = current_hub()
        self._id = str(uuid.uuid4())
        self._outbox = Outbox(lambda: self._close(CloseCode.TOO_MUCH))
        self._presence: Presence | None = None
        self._subscriptions: Subscriptions | None = None
        self._rate = protocol.MessageRate(_now_s())
        self._bad_messages = 0
        self._writer: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None

    @classmethod
    def as_asgi(cls) -> Application:
        """Return the application that makes one consumer per connection."""

        async def application(scope: Message, receive: Receive, send: Send) -> None:
            await cls(scope, receive, send).run()

        return application

    # --- the connection

    async def run(self) -> None:
        """Serve the connection to its end."""
        await self._receive()  # websocket.connect
        subprotocol = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in self._offered else None
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self._hub.enter(self)
        self._writer = asyncio.get_running_loop().create_task(self._write())
        try:
            await self._serve()
        except ClientGone:
            pass
        except Exception:  # the boundary of a connection: say so, and close
            logger.exception("live.connection_failed", connection_id=self._id)
            self._close(CloseCode.INTERNAL)
        finally:
            await self._clean_up()

    async def _serve(self) -> None:
        code = self._refusal()
        if code is not None:
            self._close(code)
        else:
            await self._sign_in_by_handshake()
        if self._presence is None:
            await self._wait_for_auth()
        while True:
            await self._answer(await self._next_message())

    async def _clean_up(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
        if self._subscriptions is not None:
            await self._subscriptions.drop_all()
        await self._dismiss()
        if self._closer is not None:
            await self._closer
        await self._hub.leave(self)

    async def _next_message(self) -> str | None:
        """Return the next text within size and rate; None for a binary message."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise ClientGone
            text: str | None = message.get("text")
            size = len(text.encode() if text is not None else message.get("bytes") or b"")
            if self._closer is not None:
                continue
            if size > protocol.MESSAGE_MAX_BYTES:
                self._close(CloseCode.TOO_LARGE)
            elif not self._rate.take(_now_s()):
                self._close(CloseCode.TOO_MUCH)
            else:
                return text

    async def _write(self) -> None:
        try:
            while True:
                item = await self._outbox.take()
                if isinstance(item, CloseCode):
                    self._close(item)
                    return
                await self._send({"type": "websocket.send", "text": item})
        except OSError:
            pass  # gone; the reader hears of it
        finally:
            self._outbox.close()

    def _close(self, code: CloseCode) -> None:
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
        if len(self._hub.connections) > settings.LIVE_MAX_CONNECTIONS:
            return CloseCode.TOO_MUCH
        if not is_origin_allowed(self._request):
            return CloseCode.ORIGIN
        return None

    async def _sign_in_by_handshake(self) -> None:
        """Take key, token or cookie of the handshake; a bad key or token ends it, a stale cookie does not."""
        try:
            check_query(self._request)
            caller = await database_sync_to_async(callers.caller_of_request)(self._request)
            if caller is not None:
                await self._enter(caller, self._request.headers.get("X-Organization", ""))
        except DomainError as error:
            await self._outbox.put(protocol.encode_error(error))
            self._outbox.end(CloseCode.BAD_MESSAGES if isinstance(error, Malformed) else CloseCode.SIGNED_OUT)

    async def _wait_for_auth(self) -> None:
        try:
            async with asyncio.timeout(protocol.AUTH_LIMIT_S):
                while self._presence is None:
                    await self._answer(await self._next_message())
        except TimeoutError:
            self._close(CloseCode.SILENT)

    async def _authenticate(self, message: protocol.Auth) -> None:
        """Sign in by a first `auth`, renew the sign-in by another token, or change the organization."""
        organization = message.organization or ""
        if message.token is not None:
            caller = await database_sync_to_async(callers.caller_of_raw)(
                message.token, client_address(self._request)
            )
        elif self._presence is not None:
            caller = self._presence.caller
        else:
            raise Unauthenticated
        await self._enter(caller, organization)

    async def _enter(self, caller: Caller, organization: str) -> None:
        """Act as the caller from now on; whoever has too many connections is sent away."""
        presence = await database_sync_to_async(callers.presence_of)(caller, organization)
        actor = presence.actor
        if self._presence is None or not self._presence.is_like(presence):
            if self._subscriptions is not None:
                await self._subscriptions.drop_all(reason="organization_changed")
            await self._dismiss()
            if not await self._admit(actor.key):
                self._outbox.end(CloseCode.TOO_MUCH)
                return
            self._subscriptions = Subscriptions(self._hub, self._outbox, actor)
        self._presence = presence
        await self._outbox.put(
            protocol.encode(
                "welcome",
                connection_id=self._id,
                organization_id=actor.organization.pk,
                heartbeat_s=protocol.HEARTBEAT_S,
            )
        )

    async def _admit(self, actor_key: str) -> bool:
        """Count this connection as its actor's; without Valkey nobody is sent away."""
        try:
            return await self._hub.archive.admit(actor_key, self._id, limit=settings.LIVE_MAX_PER_USER)
        except LiveUnavailable:
            return True

    async def _dismiss(self) -> None:
        if self._presence is not None:
            with contextlib.suppress(LiveUnavailable):
                await self._hub.archive.dismiss(self._presence.actor.key, self._id)

    # --- what the hub asks

    def concerns(self, subjects: frozenset[str]) -> bool:
        """Tell whether one of the ids is that of the user, session, key or organization behind it."""
        return self._presence is not None and not subjects.isdisjoint(self._presence.subjects)

    async def renew(self) -> None:
        """Stay counted."""
        if self._presence is not None:
            await self._admit(self._presence.actor.key)

    async def recheck(self) -> None:
        """Close if the sign-in is over; else drop the topics whose permission is lost."""
        try:
            await self._recheck()
        except DatabaseError:
            logger.warning("live.recheck_skipped", connection_id=self._id)  # an outage is no revocation

    async def _recheck(self) -> None:
        before, subscriptions = self._presence, self._subscriptions
        if before is None or subscriptions is None or self._closer is not None:
            return
        try:
            presence = await database_sync_to_async(before.checked)()
        except DomainError:
            presence = None
        if self._presence is not before:
            await self._recheck()  # an `auth` came between, and may have read the rights too early
        elif presence is None:
            self._close(CloseCode.SIGNED_OUT)
        else:
            self._presence, subscriptions.watcher = presence, presence.actor
            await subscriptions.recheck()

    # --- the conversation

    async def _answer(self, text: str | None) -> None:
        try:
            message = protocol.parse_message(text)
        except Malformed as error:
            self._bad_messages += 1
            await self._outbox.put(protocol.encode_error(error, id=protocol.message_id(text)))
            if self._bad_messages >= protocol.BAD_MESSAGES_MAX:
                self._outbox.end(CloseCode.BAD_MESSAGES)
            return
        try:
            await self._act(message)
        except DatabaseError:
            logger.warning("live.database_unavailable", connection_id=self._id)
            await self._outbox.put(protocol.encode_error(Unavailable(), id=message.id))
        except DomainError as error:
            await self._outbox.put(protocol.encode_error(error, id=message.id))
            self._end_after(message, error)

    def _end_after(self, message: protocol.ClientMessage, error: DomainError) -> None:
        """Close behind the errors that leave nothing to talk about."""
        if isinstance(error, TopicLimit):
            self._outbox.end(CloseCode.TOO_MUCH)
        elif isinstance(error, Unauthenticated) and isinstance(message, protocol.Auth):
            self._outbox.end(CloseCode.SIGNED_OUT)

    async def _act(self, message: protocol.ClientMessage) -> None:
        match message:
            case protocol.Ping():
                await self._outbox.put(protocol.encode("pong", id=message.id))
            case protocol.Auth():
                await self._authenticate(message)
            case _ if self._subscriptions is None:
                raise Unauthenticated("Say `auth` first.")
            case protocol.Subscribe():
                await self._subscriptions.subscribe(message)
            case protocol.Unsubscribe():
                await self._subscriptions.unsubscribe(message)
            case protocol.Replay():
                await self._subscriptions.replay(message)
            case protocol.Ack():
                await self._subscriptions.acknowledge(message)


async def refuse_path(scope: Message, receive: Receive, send: Send) -> None:
    """Close a websocket of an unknown path in a way that its client can see."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(CloseCode.PATH), "reason": "path"})


def _now_s() -> float:
    return asyncio.get_running_loop().time()
