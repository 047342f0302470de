"""What waits to be sent to one client: bounded, so that a slow one harms nobody but itself."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from apps.common.live.protocol import CloseCode

WAITING_MAX: Final = 500
# Replies and replayed events wait below this mark, so that live events have room beside a long replay.
UNHURRIED_MAX: Final = 100


class Outbox:
    """A queue of frames with one taker, whose last item may be the code to close with.

    `overflow` is called once, when a live event finds the queue full.
    """

    __slots__ = ("_frames", "_is_closed", "_overflow", "_room", "_wanted")

    def __init__(self, overflow: Callable[[], None]) -> None:
        self._frames: deque[str | CloseCode] = deque()
        self._is_closed = False
        self._overflow: Callable[[], None] | None = overflow
        self._wanted: asyncio.Future[None] | None = None
        self._room: asyncio.Event | None = None

    def close(self) -> None:
        """Drop what waits and what comes: nobody takes any more, so nobody must wait for room."""
        self._is_closed = True
        self._frames.clear()
        if self._room is not None:
            self._room.set()

    def offer(self, frame: str) -> None:
        """Add a live event, without waiting."""
        if len(self._frames) >= WAITING_MAX:
            if self._overflow is not None:
                overflow, self._overflow = self._overflow, None
                overflow()
            return
        self._append(frame)

    def end(self, code: CloseCode) -> None:
        """Close the connection behind what waits already."""
        self._append(code)

    def _append(self, item: str | CloseCode) -> None:
        if self._is_closed:
            return
        self._frames.append(item)
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def put(self, frame: str) -> None:
        """Add a reply or a replayed event, once the client has taken enough of what waits."""
        while len(self._frames) >= UNHURRIED_MAX:
            self._room = self._room or asyncio.Event()
            self._room.clear()
            await self._room.wait()
        self.offer(frame)

    async def take(self) -> str | CloseCode:
        """Return the next frame, waiting for one."""
        while not self._frames:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        frame = self._frames.popleft()
        if self._room is not None and len(self._frames) < UNHURRIED_MAX:
            self._room.set()
        return frame
