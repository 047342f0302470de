"""Globs over paths as bytes: `*` within a part, `**` over parts, on the whole path (projects.md section 1).

Patterns come from people and from repositories. Between two stars a piece is matched once, at the first place
where it fits (an atomic group): the star after it takes whatever follows, so that no other place could do
better, and hostile patterns take no exponential time.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

NOTHING: Final = re.compile(rb"(?!)")
_TOKEN: Final = re.compile(rb"(?:(?<=/)|^)(\*\*/)|(\*\*+)|(\*)|(/)|([^*/]+)")


class Star(Enum):
    """What a pattern leaves open: letters of a part, anything, whole parts."""

    LETTERS = rb"[^/]*?"
    ANYTHING = rb".*?"
    PARTS = rb"(?:|.*?/)"


# A star, or an expression of what is not open; "/" always stands alone.
Token = Star | bytes


@functools.lru_cache(maxsize=256)
def compile_globs(patterns: tuple[str, ...]) -> "re.Pattern[bytes]":
    """Return an expression that fully matches the paths that one of the patterns does."""
    if not patterns:
        return NOTHING
    pieces = [b"(?:" + expression_of(_tokens(pattern.encode())) + b")" for pattern in patterns]
    return re.compile(b"|".join(pieces), re.DOTALL)


def is_matched(patterns: Iterable[str], path: bytes) -> bool:
    """Tell whether one of the patterns matches the whole path."""
    return compile_globs(tuple(patterns)).fullmatch(path) is not None


def expression_of(tokens: Sequence[Token]) -> bytes:
    """Return the expression of a pattern's tokens, for a full match."""
    pieces: list[list[Token]] = [[]]
    stars: list[bytes] = []
    for token in tokens:
        if token in {Star.ANYTHING, Star.PARTS}:
            assert isinstance(token, Star)  # noqa: S101 - one of the two
            stars.append(token.value)
            pieces.append([])
        else:
            pieces[-1].append(token)
    first, *others = [_within_parts(piece) for piece in pieces]
    # The last piece is bound to the end of the path: there the star before it may have to try again.
    middle = [b"(?>" + star + piece + b")" for star, piece in zip(stars[:-1], others[:-1], strict=True)]
    last = stars[-1] + others[-1] if stars else b""
    return first + b"".join(middle) + last


def _within_parts(tokens: Sequence[Token]) -> bytes:
    """Return the expression of tokens between stars that reach over parts."""
    parts: list[list[bytes]] = [[b""]]
    for token in tokens:
        if token == b"/":
            parts.append([b""])
        elif token is Star.LETTERS:
            parts[-1].append(b"")
        else:
            assert isinstance(token, bytes)  # noqa: S101 - the other stars were taken out before
            parts[-1][-1] += token
    return b"/".join(_part(texts) for texts in parts)


def _part(texts: Sequence[bytes]) -> bytes:
    """Return the expression of one part, whose texts have a star between them."""
    first, *others = texts
    if not others:
        return first
    star: bytes = Star.LETTERS.value
    middle = b"".join(b"(?>" + star + text + b")" for text in others[:-1])
    return first + middle + star + others[-1]


def _tokens(pattern: bytes) -> list[Token]:
    kinds = (Star.PARTS, Star.ANYTHING, Star.LETTERS, b"/")
    found: list[Token] = []
    for match in _TOKEN.finditer(pattern):
        place = (match.lastindex or 1) - 1
        found.append(kinds[place] if place < len(kinds) else re.escape(match[0]))
    return found
