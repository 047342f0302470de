"""What a request's refused items are told."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from apps.metrics.points.batch import Refusal


class Refusals:
    """The refusals of one request of `count` items while it is parsed."""

    def __init__(self, count: int) -> None:
        self._marks = np.zeros(count, dtype=np.bool_)
        self._found: list[Refusal] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def marks(self) -> npt.NDArray[np.bool_]:
        """Return the mask of the refused items."""
        return self._marks

    def add(self, item: int, field: str, code: str, detail: str) -> None:
        """Refuse an item for a fault of one of its fields; an item may be refused several times."""
        self._marks[item] = True
        self._found.append(Refusal(item, field, code, detail))

    def add_marked(self, marks: npt.NDArray[np.bool_], field: str, code: str, detail: str) -> None:
        """Refuse all marked items for one reason."""
        for item in np.flatnonzero(marks).tolist():
            self.add(item, field, code, detail)

    def in_order(self) -> list[Refusal]:
        """Return the refusals by item."""
        return sorted(self._found, key=lambda refusal: refusal.item)


def rejected_by_code(refusals: Iterable[Refusal]) -> dict[str, str]:
    """Return the refused items of each code, complete and short: `{"metrics.invalid_value": "3,17-20"}`."""
    items: dict[str, set[int]] = {}
    for refusal in refusals:
        items.setdefault(refusal.code, set()).add(refusal.item)
    return {code: _ranges(sorted(found)) for code, found in sorted(items.items())}


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as `3,17-20`."""
    ends = [low for low, high in pairwise(numbers) if high != low + 1] + [numbers[-1]]
    starts = [numbers[0]] + [high for low, high in pairwise(numbers) if high != low + 1]
    return ",".join(
        str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)
    )
