"""What is off, and when it is: 1e-4, absolute or relative."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from apps.signals.formulas.arrays import Floats, Ints

TOLERANCE: Final = 1e-4
# Written nowhere, so that there is nothing to compare; NaN is a null that was written.
ABSENT: Final = -np.inf

Value: TypeAlias = float | str | bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a file (path in the run, line from 1) that is not what the formulas give."""

    file: str
    line: int
    figure: str
    written: Value
    computed: Value


def off_by(written: Floats, computed: Floats) -> Floats:
    """Return how many tolerances the figures are apart: up to 1 is fine, infinite where one is null."""
    nothing_there, nothing_due = np.isnan(written), np.isnan(computed)
    with np.errstate(invalid="ignore"):
        apart = np.abs(written - computed) / (TOLERANCE * np.maximum(1.0, np.abs(computed)))
    apart = np.where(nothing_there & nothing_due, 0.0, np.where(nothing_there | nothing_due, np.inf, apart))
    return np.where(written == ABSENT, 0.0, apart)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The lines of one file whose figures are compared."""

    file: str
    lines: Ints

    def column(self, figure: str, written: Floats, computed: Floats) -> Iterator[tuple[float, Difference]]:
        """Return what is off in a figure (lines,) or (lines, periods), with its distance in tolerances."""
        apart = off_by(written, computed)
        for place in np.argwhere(apart > 1.0):
            at = tuple(place.tolist())
            name = figure if len(at) == 1 else f"{figure}[{at[1]}]"
            found = Difference(
                self.file, int(self.lines[at[0]]), name, value_of(written[at]), value_of(computed[at])
            )
            yield float(apart[at]), found

    def words(
        self, figure: str, written: Sequence[str | None], allowed: Sequence[tuple[str | None, ...]]
    ) -> Iterator[tuple[float, Difference]]:
        """Return the lines whose word is none of those allowed (nothing allowed: not compared)."""
        for line, word, words in zip(self.lines.tolist(), written, allowed, strict=True):
            if words and word not in words:
                yield 1.0, Difference(self.file, line, figure, word, words[0])


def value_of(number: float) -> float | None:
    """Return the number as JSON has it."""
    return None if np.isnan(number) else float(number)
