"""Reading ahead: a source runs in a thread of its own, a little before whoever takes from it.

So the next blocks are parsed while the last ones are written. The thread belongs to pure reading: a database
connection opened there would be another one, without the transaction and the lease of the import.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from typing import Final, Generic, Self, TypeVar

ItemT = TypeVar("ItemT")

# A block of 8 MiB and its events take 12 MB and more; an import of five million rows has 400 MB in all.
AHEAD_ITEMS: Final = 2
AHEAD_BYTES: Final = 24 * 1024**2
# A notice that is lost because a signal broke in on it costs this long and no more.
_LOOK_AGAIN_S: Final = 1.0


@contextmanager
def read_ahead(
    source: Callable[[], Generator[ItemT]], size_of: Callable[[ItemT], int]
) -> Iterator[Iterator[ItemT]]:
    """Yield the items of a source in their order, made in a thread that is gone when the block is left.

    The source is started, run and closed in the thread, with the caller's context (logs name the job).
    It goes on while less than AHEAD_ITEMS and AHEAD_BYTES by `size_of` wait. What it raises comes after its
    last item, as it was raised. Leaving the block early stops it after the item that it is making.
    """
    shelf = _Shelf(size_of)
    # In this order: the pool waits for its thread, which ends when the shelf is closed.
    with ThreadPoolExecutor(1, thread_name_prefix="reading-ahead") as pool, shelf:
        yield shelf.take_all(pool.submit(copy_context().run, shelf.fill, source))


class _Shelf(Generic[ItemT]):
    """Where items wait between the two threads."""

    def __init__(self, size_of: Callable[[ItemT], int]) -> None:
        self._size_of = size_of
        self._changed = threading.Condition()
        self._items: deque[tuple[ItemT, int]] = deque()
        self._size_bytes = 0
        self._is_over = False
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        with self._changed:
            self._items.clear()
            self._changed.notify_all()

    def fill(self, source: Callable[[], Generator[ItemT]]) -> None:
        """Run the source to its end, or until the shelf is closed."""
        try:
            with closing(source()) as items:
                while self._has_room():
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                    self._put(item)
                    del item  # while the next one is made only the shelf and the other thread hold it
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def take_all(self, filled: "Future[None]") -> Iterator[ItemT]:
        """Yield items as they come, then raise what the source has raised."""
        while (taken := self._take()) is not None:
            yield taken[0]
            del taken
        filled.result()

    def _has_room(self) -> bool:
        """Wait for room; tell whether anybody still wants items."""
        with self._changed:
            while not self._is_closed and (
                len(self._items) >= AHEAD_ITEMS or self._size_bytes >= AHEAD_BYTES
            ):
                self._changed.wait(_LOOK_AGAIN_S)
        return not self._is_closed

    def _put(self, item: ItemT) -> None:
        size_bytes = self._size_of(item)
        with self._changed:
            self._items.append((item, size_bytes))
            self._size_bytes += size_bytes
            self._changed.notify_all()

    def _take(self) -> tuple[ItemT, int] | None:
        """Return the next item, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_over)
            if not self._items:
                return None
            taken = self._items.popleft()
            self._size_bytes -= taken[1]
            self._changed.notify_all()
        return taken
