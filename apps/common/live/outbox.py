"""What waits to be sent to one client: bounded, so that a slow one harms nobody but itself."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from apps.common.live.messages import Message
from apps.common.live.protocol import CloseCode

WAITING_MAX: Final = 500
# Replies and replayed events wait below this mark, so that live events have room beside a long replay.
UNHURRIED_MAX: Final = 100


class Outbox:
    """A queue of messages with one taker, whose last item may be the code to close with.

    `overflow` is called once, when a live event finds the queue full. `write` hands a message on at once if
    the client keeps up, and returns False if it does not: so nothing waits where nothing has to.
    """

    __slots__ = ("_is_closed", "_messages", "_overflow", "_room", "_wanted", "_write")

    def __init__(self, overflow: Callable[[], None], write: Callable[[Message], bool] | None = None) -> None:
        self._messages: deque[Message | CloseCode] = deque()
        self._is_closed = False
        self._overflow: Callable[[], None] | None = overflow
        self._write = write
        self._wanted: asyncio.Future[None] | None = None
        self._room: asyncio.Event | None = None

    def close(self) -> None:
        """Drop what waits and what comes: nobody takes any more, so nobody must wait for room."""
        self._is_closed = True
        self._messages.clear()
        if self._room is not None:
            self._room.set()

    def offer(self, message: Message) -> None:
        """Send a live event on without waiting, at once or behind what waits."""
        # Only while the taker waits for more: what it has taken and not yet sent must not be overtaken.
        if self._wanted is not None and self._write is not None and self._write(message):
            return
        if len(self._messages) >= WAITING_MAX:
            if self._overflow is not None:
                overflow, self._overflow = self._overflow, None
                overflow()
            return
        self._append(message)

    def end(self, code: CloseCode) -> None:
        """Close the connection behind what waits already."""
        self._append(code)

    def _append(self, item: Message | CloseCode) -> None:
        if self._is_closed:
            return
        self._messages.append(item)
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            if not wanted.done():
                wanted.set_result(None)

    async def put(self, message: Message) -> None:
        """Add a reply or a replayed event, once the client has taken enough of what waits."""
        while len(self._messages) >= UNHURRIED_MAX:
            self._room = self._room or asyncio.Event()
            self._room.clear()
            await self._room.wait()
        self.offer(message)

    async def take(self) -> Message | CloseCode:
        """Return the next item, waiting for one."""
        while not self._messages:
            self._wanted = asyncio.get_running_loop().create_future()
            try:
                await self._wanted
            finally:
                self._wanted = None
        item = self._messages.popleft()
        if self._room is not None and len(self._messages) < UNHURRIED_MAX:
            self._room.set()
        return item
