"""One topic as this process watches it: it hands events on in order, without gap or repetition."""

import asyncio
from collections import deque
from typing import Final, Protocol

import structlog

from apps.common.live.archive import Archive, LiveUnavailable
from apps.common.live.messages import Message
from apps.common.live.streams import EVENTS_KEPT, Address, Position, Reading

RETRY_FIRST_S: Final = 0.1
RETRY_LAST_S: Final = 5.0

logger = structlog.get_logger(__name__)


class Member(Protocol):
    """Who watches a room. Neither call may wait."""

    def offer(self, event: Message, position: Position) -> None:
        """Take the next event."""

    def reset(self, position: Position) -> None:
        """Hear that the topic began anew or has a gap, and goes on after `position`."""


class Room:
    """Members of one topic, fed by pub/sub while that is gapless, else by reading the archive.

    Published events are trusted only if they follow the last one. All others (the first after a reconnection
    of the feed, those of a new epoch, those after a loss) wait while the room reads what is missing.
    """

    def __init__(self, address: Address, archive: Archive) -> None:
        self.address = address
        self.members: set[Member] = set()
        self.ready = asyncio.Event()
        self._archive = archive
        self.position: Position | None = None
        self._waiting: deque[tuple[Position, bytes]] = deque(maxlen=EVENTS_KEPT)
        self._reading: asyncio.Task[None] | None = None

    def take(self, payload: bytes) -> None:
        """Take what the feed brought: `<seq> <epoch>\\n<frame>`."""
        head, _, frame = payload.partition(b"\n")
        seq, _, epoch = head.partition(b" ")
        position = Position(int(seq), epoch.decode())
        if self._reading is not None or not self._accept(position, frame):
            self._waiting.append((position, frame))
            self.catch_up()

    def catch_up(self) -> None:
        """Read what is missing, in the background; called when the feed listens (again)."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._catch_up())
            self._reading.add_done_callback(self._note_failure)

    def lose_feed(self) -> None:
        """Note that events may be missing from now on, until the next `catch_up`."""
        self.ready.clear()

    def close(self) -> None:
        """Stop reading; the room is not used again."""
        if self._reading is not None:
            self._reading.cancel()

    def _accept(self, position: Position, frame: bytes) -> bool:
        """Hand on the next event, drop one already seen; False if it is neither."""
        here = self.position
        if here is None or position.epoch != here.epoch or position.seq > here.seq + 1:
            return False
        if position.seq == here.seq + 1:
            self.position = position
            event = Message("event", frame, self.address.topic, position)
            for member in tuple(self.members):
                member.offer(event, position)
        return True

    async def _catch_up(self) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            try:
                self._apply(await self._archive.read(self.address, self.position))
            except LiveUnavailable:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_LAST_S)
            else:
                if self._drain():
                    # Here and not when the task is done: an event between the two would wait for ever.
                    self._reading = None
                    self.ready.set()
                    return

    def _apply(self, reading: Reading) -> None:
        if self.position is None:
            self.position = reading.position
        elif reading.reset:
            self.position = reading.position
            for member in tuple(self.members):
                member.reset(reading.position)
        else:
            for seq, frame in enumerate(reading.frames, self.position.seq + 1):
                self._accept(Position(seq, reading.position.epoch), frame)

    def _drain(self) -> bool:
        """Hand on what was published during the reading; False if something is missing still."""
        while self._waiting:
            if not self._accept(*self._waiting.popleft()):
                # Of another epoch, or after a gap: the next reading holds this one and all that wait.
                self._waiting.clear()
                return False
        return True

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._reading = None
            logger.error("live.room_failed", topic=self.address.topic, exc_info=task.exception())
