"""Work that is done for everybody who waits for it: calls that arrive during one round share the next.

So one connection, one statement or one commit serves many requests, and nobody waits for others to come.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Rounds(Generic[ItemT, ResultT]):
    """One kind of work, one round at a time.

    `work` gets the items of a round and returns one result or exception for each. A round has at most
    `items_max` items and, unless it is a single one, at most `weight_max` of `weigh`.
    """

    def __init__(
        self,
        work: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT | BaseException]]],
        *,
        items_max: int,
        weigh: Callable[[ItemT], int] = lambda _item: 0,
        weight_max: int = 1,
    ) -> None:
        self._work = work
        self._items_max = items_max
        self._weigh = weigh
        self._weight_max = weight_max
        self._waiting: deque[tuple[ItemT, asyncio.Future[ResultT]]] = deque()
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Return how many wait for the next round."""
        return len(self._waiting)

    async def call(self, item: ItemT) -> ResultT:
        """Return the result of an item; raises what the work says of it."""
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._one_round(self._next())
        finally:
            self._running = None

    def _next(self) -> list[tuple[ItemT, asyncio.Future[ResultT]]]:
        """Take who waits, in order, as far as one round goes."""
        taken = [self._waiting.popleft()]
        weight = self._weigh(taken[0][0])
        while self._waiting and len(taken) < self._items_max:
            weight += self._weigh(self._waiting[0][0])
            if weight > self._weight_max:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _one_round(self, taken: list[tuple[ItemT, asyncio.Future[ResultT]]]) -> None:
        results: Sequence[ResultT | BaseException]
        try:
            results = await self._work([item for item, _ in taken])
        except Exception as error:  # the work failed as a whole: everybody who waits for it is told
            results = [error] * len(taken)
        for (_, future), result in zip(taken, results, strict=True):
            if future.done():
                continue  # the caller has gone
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
