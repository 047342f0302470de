"""What texts of a column look like: numbers, times, degrees; for inspection and suggestion."""

import re
from collections.abc import Sequence
from typing import Final

from apps.datasets.reading.mapping import NULL_TOKENS
from apps.datasets.reading.numbers import parse_number
from apps.datasets.reading.texts import NullTokens
from apps.datasets.reading.timestamps import parse_moment

USUAL_NULLS: Final = NullTokens.of(NULL_TOKENS)
_DECIMAL_COMMA: Final = re.compile(r"[+\u2212-]?\d+,\d+", re.ASCII)
_DECIMAL_POINT: Final = re.compile(r"[+\u2212-]?\d*\.\d+", re.ASCII)
_DATE_LIKE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ].*)?", re.ASCII)
_MOSTLY: Final = 0.9


def looks_typed(text: str) -> bool:
    """Tell whether a text is a number or a time."""
    cleaned = USUAL_NULLS.clean(text)
    if cleaned is None:
        return False
    return any(parse_number(cleaned, mark) is not None for mark in ".,") or bool(
        _DATE_LIKE.fullmatch(cleaned) or parse_moment(cleaned, ("iso",))
    )


def present(column: Sequence[str]) -> list[str]:
    """Return the cleaned texts that are not missing."""
    return [cleaned for text in column if (cleaned := USUAL_NULLS.clean(text)) is not None]


def has_decimal_comma(column: Sequence[str]) -> bool:
    """Tell whether nearly all that is there are numbers with decimal commas, or whole ones beside such."""
    texts = present(column)
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(text)) for text in texts)
    read = sum(parse_number(text, ",") is not None for text in texts)
    return commas > 0 and read >= _MOSTLY * len(texts) and commas * 2 >= len(texts)


def has_decimal_point(column: Sequence[str]) -> bool:
    """Tell the same of decimal points."""
    texts = present(column)
    points = sum(bool(_DECIMAL_POINT.fullmatch(text)) for text in texts)
    return points > 0 and points * 2 >= len(texts)
