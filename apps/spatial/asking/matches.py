"""Matches: what a rule finds at a place in a question."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.words import Words


class Part(StrEnum):
    """The parts of a typed query that words fill."""

    MEASURE = "measure"
    WINDOW = "window"
    HOURS = "hours"
    WEEKDAYS = "weekdays"
    CATEGORY = "category"
    PLACE = "place"
    RESOLUTION = "resolution"
    FILLER = "filler"


@dataclass(frozen=True, slots=True)
class Match:
    """The meaning of `length` tokens: a value for a part, or with `fault` why they have none.

    `meaning` is what the answer says of it. `alternatives` names what else the words may mean: a tie.
    """

    length: int
    part: Part
    value: Any = None
    meaning: str = ""
    notes: tuple[str, ...] = ()
    fault: str = ""
    alternatives: tuple[str, ...] = ()


# A rule of the grammar: (tokens, position, lexicon) -> what stands there.
Rule = Callable[[Words, int, Lexicon], Match | None]
