"""Numbers and words as narratives write them."""

import datetime as dt
import re
from typing import Final

# Bounded, so that no run of digits becomes an infinity.
_DIGITS: Final = r"(?:\d[\d,]{0,30}(?:\.\d{0,30})?|\.\d{1,30})"
NUMBER: Final = rf"[+\-\u2212]?{_DIGITS}"
SIGNED: Final = rf"[+\-\u2212]{_DIGITS}"
# What stands in a cell that has no value.
NOTHING: Final = frozenset({"", "-", "\u2013", "\u2014", "n/a", "na", "none", "null", "nan"})
_NUMBER: Final = re.compile(rf"\s*({NUMBER})\s*%?\s*")
_CUMULATIVE: Final = re.compile(rf"\[Cum:\s*({NUMBER})\s*%\s*\]", re.IGNORECASE)
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(?:UTC|Z|\+00:?00)?")


def number_of(text: str) -> float | None:
    """Return the number that a cell holds, None for a mark of nothing; raises ValueError for words."""
    if text.strip().lower() in NOTHING:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no number")
    return plain_number(found[1])


def plain_number(text: str) -> float:
    """Return the value of a text that NUMBER matches."""
    return float(text.replace(",", "").replace("\u2212", "-"))


def words_of(text: str) -> str | None:
    """Return a cell's words, None for a mark of nothing."""
    return None if text.strip().lower() in NOTHING else text.strip()


def without_cumulative(text: str) -> tuple[str, float | None]:
    """Return a text without its `[Cum:NN%]`, and that percent."""
    found = _CUMULATIVE.search(text)
    if found is None:
        return text, None
    return (text[: found.start()] + text[found.end() :]).strip(), plain_number(found[1])


def instant_of(text: str) -> dt.datetime | None:
    """Return an instant written in UTC, None if it is none."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return dt.datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    except ValueError:
        return None
