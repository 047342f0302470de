"""Cleaning of texts, the same for single values and arrays: trimming, null tokens, terms."""

import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc

# Named here because str.strip() and Arrow's trimming don't agree on what whitespace is.
WHITESPACE: Final = (
    " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def trim(texts: pa.StringArray) -> pa.StringArray:
    """Trim an array as `str.strip(WHITESPACE)` does a text."""
    trimmed: Any = pc.utf8_trim(texts, characters=WHITESPACE)
    return trimmed  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class NullTokens:
    """Texts that mean "nothing here": in any case of ASCII letters, with whitespace around."""

    tokens: frozenset[str]
    longest: int

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Self:
        """Take the tokens of a mapping; the empty text is always one."""
        lowered = frozenset(token.strip(WHITESPACE).translate(_ASCII_LOWER) for token in tokens) | {""}
        return cls(lowered, max(map(len, lowered)))

    def clean(self, text: str) -> str | None:
        """Return the trimmed text, or None for a token."""
        text = text.strip(WHITESPACE)
        if len(text) <= self.longest and text.translate(_ASCII_LOWER) in self.tokens:
            return None
        return text

    def clean_all(self, texts: pa.StringArray) -> pa.StringArray:
        """Return the trimmed texts, null for tokens and nulls."""
        trimmed = trim(texts)
        is_token = pc.is_in(pc.ascii_lower(trimmed), value_set=pa.array(sorted(self.tokens)))
        cleaned: pa.StringArray = pc.if_else(is_token, pa.scalar(None, pa.string()), trimmed)
        return cleaned

    def spellings(self) -> list[str]:
        """Return the tokens in their usual cases."""
        return sorted({case for token in self.tokens for case in (token, token.upper(), token.capitalize())})


def clean_term(text: str | None) -> str | None:
    """Return a category or label in NFC, trimmed; None for an empty one."""
    if text is None:
        return None
    return unicodedata.normalize("NFC", text).strip(WHITESPACE) or None
