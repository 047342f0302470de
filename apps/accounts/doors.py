"""What the doors to live events share: who is behind a connection, and whether they may stay.

The websocket is in `consumers`, the stream of server-sent events in `event_streams`. One thread hop signs a
client in; from then on a connection costs the event loop alone, but for rechecks of its rights.
"""

import contextlib
import uuid
from abc import ABC, abstractmethod

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from apps.accounts.callers import Presence
from apps.common.errors import DomainError
from apps.common.live.archive import LiveUnavailable
from apps.common.live.hub import Hub, current_hub
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import CloseCode
from apps.common.live.subscriptions import Subscriptions

logger = structlog.get_logger(__name__)


class Door(ABC):
    """One connected client of the hub."""

    def __init__(self, outbox: Outbox) -> None:
        self.connection_id = str(uuid.uuid4())
        self.hub: Hub
        self.outbox = outbox
        self.presence: Presence | None = None
        self.subscriptions: Subscriptions | None = None

    def enter(self) -> None:
        """Join the hub; taken and entered in one step, as a hub ends with the last that leaves it."""
        self.hub = current_hub()
        self.hub.enter(self)

    @abstractmethod
    def close(self, code: CloseCode) -> None:
        """End the connection at once, whatever waits; repeatable."""

    @property
    @abstractmethod
    def is_closing(self) -> bool:
        """Tell whether the end has begun."""

    async def admit(self, presence: Presence) -> bool:
        """Let somebody in, or in again as another actor; False if they have too many connections."""
        actor = presence.actor
        if self.presence is None or not self.presence.is_like(presence):
            if self.subscriptions is not None:
                await self.subscriptions.drop_all(reason="organization_changed")
            await self._dismiss()
            if not await self._is_counted(actor.key):
                return False
            self.subscriptions = Subscriptions(self.hub, self.outbox, actor)
        self.presence = presence
        return True

    async def leave(self) -> None:
        """Give everything back; once, at the end of the connection."""
        self.outbox.close()
        if self.subscriptions is not None:
            await self.subscriptions.drop_all()
        await self._dismiss()
        await self.hub.leave(self)

    # --- what the hub asks

    def concerns(self, subjects: frozenset[str]) -> bool:
        """Tell whether one of the ids is that of the user, session, key or organization behind it."""
        return self.presence is not None and not subjects.isdisjoint(self.presence.subjects)

    async def renew(self) -> None:
        """Stay counted."""
        if self.presence is not None:
            await self._is_counted(self.presence.actor.key)

    async def recheck(self) -> None:
        """Close if the sign-in is over; else drop the topics whose permission is lost."""
        try:
            await self._recheck()
        except DatabaseError:
            # An outage revokes nothing; the next round looks again.
            logger.warning("live.recheck_skipped", connection_id=self.connection_id)

    async def _recheck(self) -> None:
        before, subscriptions = self.presence, self.subscriptions
        if before is None or subscriptions is None or self.is_closing:
            return
        try:
            presence = await database_sync_to_async(before.checked)()
        except DomainError:
            presence = None
        if self.presence is not before:
            await self._recheck()  # an `auth` came between, and may have read the rights too early
        elif presence is None:
            self.close(CloseCode.SIGNED_OUT)
        else:
            self.presence, subscriptions.watcher = presence, presence.actor
            await subscriptions.recheck()

    # --- how many there are

    async def _is_counted(self, actor_key: str) -> bool:
        """Count this connection as its actor's; without Valkey nobody is sent away."""
        limit = settings.LIVE_MAX_PER_USER
        try:
            return await self.hub.archive.admit(actor_key, self.connection_id, limit=limit)
        except LiveUnavailable:
            return True

    async def _dismiss(self) -> None:
        if self.presence is not None:
            with contextlib.suppress(LiveUnavailable):
                await self.hub.archive.dismiss(self.presence.actor.key, self.connection_id)
