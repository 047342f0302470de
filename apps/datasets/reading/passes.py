"""Passes over whole files before they are read for good: whoever makes one may look whether to go on."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

Item = TypeVar("Item")
# Called between pieces of a pass; what it raises ends the pass.
Look = Callable[[], None]
_ROWS: Final = 10_000


def never() -> None:
    """Look at nothing."""


def looking(items: Iterable[Item], look: Look) -> Iterator[Item]:
    """Yield the items and look between them, once for so many rows."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _ROWS == 0:
            look()
