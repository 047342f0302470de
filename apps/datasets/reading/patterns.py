"""Formats of timestamps: iso, epoch_s, epoch_ms and strptime patterns, independent of locale.

A pattern is compiled to a regular expression for single texts and, for arrays of texts, to templates of
fixed width.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from apps.datasets.reading.rows import Precision

NAMED_FORMATS: Final = ("iso", "epoch_s", "epoch_ms")
PATTERN_MAX_CHARS: Final = 60
TEMPLATES_MAX: Final = 16

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _names(names: tuple[str, ...], chars: int | None = None) -> str:
    return "(?:" + "|".join(name[:chars] for name in names) + ")"


# Directive -> regular expression. A letter that is not here is refused when the mapping is checked.
_EXPRESSIONS: Final = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "j": r"\d{1,3}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,9}",
    "p": r"[ap]\.?m\.?",
    "z": r"z|[+-]\d{2}:?\d{2}|[+-]\d{2}",
    "b": _names(MONTHS, 3) + r"\.?",
    "B": _names(MONTHS),
    "a": _names(_WEEKDAYS, 3) + r"\.?",
    "A": _names(_WEEKDAYS),
}
_WIDTHS: Final = {
    "Y": (4,),
    "y": (2,),
    "m": (2, 1),
    "d": (2, 1),
    "H": (2, 1),
    "M": (2,),
    "S": (2,),
    "f": (6, 3),
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled strptime pattern; `templates` is empty where array reading isn't worth while."""

    expression: re.Pattern[str]
    precision: Precision
    templates: tuple[str, ...]


def check_format(content: object) -> str:
    """Return a format as it is; raises ValueError with the reason if it can't be read."""
    if not isinstance(content, str) or not 0 < len(content) <= PATTERN_MAX_CHARS:
        raise ValueError(f"Expected a format of 1 to {PATTERN_MAX_CHARS} characters.")
    if content not in NAMED_FORMATS:
        compile_pattern(content)
    return content


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Compile a strptime pattern; raises ValueError with the reason."""
    tokens = list(_tokens(pattern))
    letters = [letter for letter, _ in tokens if letter]
    for letter in letters:
        if letter not in _EXPRESSIONS:
            raise ValueError(f"The directive %{letter} is not understood.")
        if letters.count(letter) > 1:
            raise ValueError(f"The directive %{letter} stands twice.")
    text = "".join(
        f"(?P<{letter}>{_EXPRESSIONS[letter]})" if letter else _literal(char) for letter, char in tokens
    )
    return Pattern(re.compile(text, re.ASCII | re.IGNORECASE), _precision(set(letters)), _templates(tokens))


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield (directive, "") or ("", literal character)."""
    chars = iter(pattern)
    for char in chars:
        if char != "%":
            yield "", char
            continue
        letter = next(chars, "")
        if not letter:
            raise ValueError("The pattern ends in the middle of a directive.")
        yield ("", "%") if letter == "%" else (letter, "")


def _literal(char: str) -> str:
    return r"\s+" if char.isspace() else re.escape(char)


def _precision(letters: set[str]) -> Precision:
    """Return what the pattern gives of an instant; raises ValueError where a part is missing."""
    year, month = bool(letters & {"Y", "y"}), bool(letters & {"m", "b", "B"})
    day, hour = ("d" in letters and month) or "j" in letters, bool(letters & {"H", "I"})
    gap = (
        not year
        or {"Y", "y"} <= letters
        or len(letters & {"m", "b", "B"}) > 1
        or ("d" in letters and not month)
        or ("j" in letters and bool(letters & {"m", "b", "B", "d"}))
        or (hour and not day)
        or ("M" in letters and not hour)
        or ("S" in letters and "M" not in letters)
        or ("f" in letters and "S" not in letters)
        or ({"H", "I"} <= letters)
        or (("I" in letters) != ("p" in letters))
        or ("z" in letters and not hour)
    )
    if gap:
        raise ValueError(
            "The pattern does not say a year, month, day, hour, minute and second down to one of them."
        )
    if hour:
        return Precision.INSTANT
    if day:
        return Precision.DAY
    return Precision.MONTH if month else Precision.YEAR


def _templates(tokens: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the fixed-width spellings: a directive's letter once per digit, literals with a backslash.

    Empty for patterns with names, offsets or characters beyond ASCII, or with too many spellings.
    """
    options = []
    for letter, char in tokens:
        if letter and letter not in _WIDTHS:
            return ()
        if not letter and not char.isascii():
            return ()
        options.append(
            [letter * width for width in _WIDTHS[letter]]
            if letter
            else ["\\" + (" " if char.isspace() else char)]
        )
    spellings = ["".join(choice) for choice in product(*options)]
    return tuple(spellings[:TEMPLATES_MAX])
