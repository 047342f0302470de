"""What one client watches: joining a topic gaplessly, replay, acknowledgement, loss of rights."""

from typing import Final

from channels.db import database_sync_to_async

from apps.common.errors import Conflict, Forbidden, NotFound, Throttled
from apps.common.live import protocol
from apps.common.live.archive import Archive
from apps.common.live.hub import Hub
from apps.common.live.messages import Message
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import ClientId
from apps.common.live.room import Room
from apps.common.live.streams import Address, Position, Reading
from apps.common.live.topics import Watcher, find_topic

# Matches no epoch, so that whoever says it is told to refetch.
UNKNOWN: Final = Position(0, "-")


class TopicLimit(Throttled):
    """One connection watches 100 topics at most."""

    code = "live.topic_limit"


class NotSubscribed(Conflict):
    """The connection does not watch this topic."""

    code = "live.not_subscribed"


class Subscription:
    """One topic of one client; a member of its room.

    Until it has sent what the client missed it only notes what else happens; then it hands events on itself.
    Without room it has been given up.
    """

    __slots__ = ("_id", "_newest", "_outbox", "_topic", "is_live", "position", "room")

    def __init__(self, topic: str, client_id: ClientId, outbox: Outbox) -> None:
        self._topic = topic
        self._id = client_id
        self._outbox = outbox
        self._newest: Position | None = None
        self.position = UNKNOWN
        self.is_live = False
        self.room: Room | None = None

    def offer(self, event: Message, position: Position) -> None:
        """Hand the next event on, unless the client has it from the archive already."""
        if not self.is_live:
            self._newest = position
        elif position.seq > self.position.seq:
            self.position = position
            self._outbox.offer(event)

    def reset(self, position: Position) -> None:
        """Tell the client to refetch."""
        if self.is_live:
            self.position = position
            self._outbox.offer(self._subscribed(position, reset=True))
        else:
            self._newest = position

    async def fill(self, room: Room, archive: Archive, after: Position | None) -> None:
        """Send the confirmation, then what was missed, until nothing lies between that and the room."""
        address = room.address
        reading = await self._first_reading(room, archive, after)
        start = reading.position if after is None or reading.reset else after
        self.position = Position(start.seq, reading.position.epoch)
        await self._outbox.put(self._subscribed(reading.position, reset=reading.reset))
        await self._send_missed(reading)
        while self._is_behind:
            self._newest = None
            reading = await archive.read(address, self.position)
            if reading.reset:
                self.position = reading.position
                await self._outbox.put(self._subscribed(reading.position, reset=True))
            await self._send_missed(reading)
        # Nothing is awaited between the check and this line, so no event can slip between.
        self.is_live = True

    @staticmethod
    async def _first_reading(room: Room, archive: Archive, after: Position | None) -> Reading:
        """Read what was missed; who missed nothing starts where the room stands, without asking Valkey."""
        if after is None and room.position is not None:
            return Reading(room.position, reset=False, frames=[])
        return await archive.read(room.address, after)

    @property
    def _is_behind(self) -> bool:
        newest, here = self._newest, self.position
        return (
            self.room is not None
            and newest is not None
            and (newest.epoch != here.epoch or newest.seq > here.seq)
        )

    async def _send_missed(self, reading: Reading) -> None:
        for seq, frame in enumerate(reading.frames, self.position.seq + 1):
            if self.room is None:  # given up meanwhile, perhaps because a right was lost
                return
            self.position = Position(seq, reading.position.epoch)
            await self._outbox.put(Message("event", frame, self._topic, self.position))

    def _subscribed(self, head: Position, *, reset: bool) -> Message:
        return protocol.encode_subscribed(
            id=self._id, topic=self._topic, head=head, here=self.position, reset=reset
        )


class Subscriptions:
    """All topics of one client. Methods raise a DomainError for what the client must be told."""

    def __init__(self, hub: Hub, outbox: Outbox, watcher: Watcher) -> None:
        self._hub = hub
        self._outbox = outbox
        self._held: dict[str, Subscription] = {}
        self.watcher = watcher

    async def subscribe(self, message: protocol.Subscribe) -> None:
        """Watch a topic; again, with other numbers, is fine."""
        await self._drop(message.topic)
        if len(self._held) >= protocol.TOPICS_MAX:
            raise TopicLimit
        subscription = Subscription(message.topic, message.id, self._outbox)
        # Held before anything is awaited: a right that is lost meanwhile takes it away again.
        self._held[message.topic] = subscription
        try:
            await self._start(subscription, message)
        except BaseException:
            await self._drop(message.topic)
            raise

    async def unsubscribe(self, message: protocol.Unsubscribe) -> None:
        """Watch a topic no more."""
        if not await self._drop(message.topic):
            raise NotSubscribed
        await self._outbox.put(self._unsubscribed(message.topic, "requested", message.id))

    async def replay(self, message: protocol.Replay) -> None:
        """Send kept events of a topic again, watched or not."""
        address = await self._check(message.topic)
        after = Position(message.after, message.epoch)
        reading = await self._hub.archive.read(address, after, limit=message.limit)
        for frame in reading.frames:
            await self._outbox.put(Message("event", frame))
        last = message.after + len(reading.frames)
        await self._outbox.put(
            protocol.encode(
                "replayed",
                id=message.id,
                topic=message.topic,
                seq=reading.position.seq if reading.reset else last,
                epoch=reading.position.epoch,
                reset=reading.reset,
            )
        )

    async def acknowledge(self, message: protocol.Ack) -> None:
        """Remember how far the client has read, up to what it was sent."""
        subscription = self._held.get(message.topic)
        if subscription is None or subscription.room is None:
            raise NotSubscribed
        seq = min(message.seq, subscription.position.seq)
        position = Position(seq, subscription.position.epoch)
        await self._hub.archive.acknowledge(subscription.room.address, self.watcher.key, position)

    async def recheck(self) -> None:
        """Drop the topics that the watcher may see no more."""
        for topic in tuple(self._held):
            try:
                await self._check(topic)
            except (NotFound, Forbidden):
                await self._drop(topic, reason="permission_lost")

    async def drop_all(self, *, reason: str | None = None) -> None:
        """Watch nothing more, telling the client if a reason is given."""
        for topic in tuple(self._held):
            await self._drop(topic, reason=reason)

    async def _drop(self, topic: str, *, reason: str | None = None) -> bool:
        subscription = self._held.pop(topic, None)
        if subscription is None:
            return False
        room, subscription.room = subscription.room, None
        if room is not None:
            await self._hub.part(room, subscription)
        if reason is not None:
            self._outbox.offer(self._unsubscribed(topic, reason, None))
        return True

    async def _start(self, subscription: Subscription, message: protocol.Subscribe) -> None:
        address = await self._check(message.topic)
        room = await self._hub.join(address, subscription)
        if self._held.get(message.topic) is not subscription:
            await self._hub.part(room, subscription)
            return
        subscription.room = room
        await subscription.fill(room, self._hub.archive, await self._after(address, message))

    async def _check(self, name: str) -> Address:
        """Return where a topic is kept, if the watcher may see it; only rows cost a thread and a query."""
        watcher = self.watcher
        topic = find_topic(watcher, name)
        address = topic.address(watcher, name)
        if topic.has_rows:
            await database_sync_to_async(topic.check_row)(watcher, name)
        return address

    async def _after(self, address: Address, message: protocol.Subscribe) -> Position | None:
        if message.after == "acked":
            acked = await self._hub.archive.acknowledged(address, self.watcher.key)
            return UNKNOWN if acked is None else acked
        return None if message.after is None else Position(message.after, message.epoch)

    @staticmethod
    def _unsubscribed(topic: str, reason: str, client_id: ClientId) -> Message:
        return protocol.encode("unsubscribed", id=client_id, topic=topic, reason=reason)
