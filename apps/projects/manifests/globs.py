"""Globs over paths as bytes: `*` within a part, `**` over parts, on the whole path (projects.md section 1).

Patterns come from people and from repositories. Between two stars a piece is matched once, at the first place
where it fits (an atomic group): the star after it takes whatever follows, so that no other place could do
better, and hostile patterns take no exponential time.
"""

import functools
import re
from collections.abc import Iterable
from typing import Final

NOTHING: Final = re.compile(rb"(?!)")
_OVER_PARTS: Final = re.compile(rb"(?:(?<=/)|^)\*\*/|\*\*+")
_LETTER: Final = re.compile(rb"\[([!^])?(\]?[^\]/]*)\]|\\(.)|(.)", re.DOTALL)
_MEMBER: Final = re.compile(rb"(.)-(.)|(.)", re.DOTALL)


@functools.lru_cache(maxsize=256)
def compile_globs(patterns: tuple[str, ...]) -> "re.Pattern[bytes]":
    """Return an expression that fully matches the paths that one of the patterns does."""
    if not patterns:
        return NOTHING
    pieces = [b"(?:" + glob_expression(pattern.encode()) + b")" for pattern in patterns]
    return re.compile(b"|".join(pieces), re.DOTALL)


def is_matched(patterns: Iterable[str], path: bytes) -> bool:
    """Tell whether one of the patterns matches the whole path."""
    return compile_globs(tuple(patterns)).fullmatch(path) is not None


def glob_expression(pattern: bytes, *, has_sets: bool = False) -> bytes:
    """Return the expression of one pattern; with `has_sets` also `?`, `[a-z]`, `\\x`, as in git."""
    pieces, stars, end = [], [], 0
    for star in _OVER_PARTS.finditer(pattern):
        pieces.append(pattern[end : star.start()])
        stars.append(rb"(?:|.*?/)" if star[0].endswith(b"/") else rb".*?")
        end = star.end()
    pieces.append(pattern[end:])
    within = [_within_parts(piece, has_sets=has_sets) for piece in pieces]
    # The last piece is bound to the end of the path: there the star before it may have to try again.
    middle = [b"(?>" + star + piece + b")" for star, piece in zip(stars[:-1], within[1:-1], strict=True)]
    last = stars[-1] + within[-1] if stars else b""
    return within[0] + b"".join(middle) + last


def _within_parts(piece: bytes, *, has_sets: bool) -> bytes:
    return b"/".join(_part(part, has_sets=has_sets) for part in piece.split(b"/"))


def _part(part: bytes, *, has_sets: bool) -> bytes:
    first, *others = (_letters(text, has_sets=has_sets) for text in re.split(rb"\*+", part))
    if not others:
        return first
    middle = b"".join(b"(?>[^/]*?" + text + b")" for text in others[:-1])
    return first + middle + b"[^/]*?" + others[-1]


def _letters(text: bytes, *, has_sets: bool) -> bytes:
    if not has_sets:
        return re.escape(text)
    return b"".join(_letter(found) for found in _LETTER.finditer(text))


def _letter(found: "re.Match[bytes]") -> bytes:
    negation, members, escaped, plain = found.groups()
    if members:
        return _set(members, is_negated=bool(negation))
    if plain == b"?":
        return b"[^/]"
    return re.escape(escaped or plain)


def _set(members: bytes, *, is_negated: bool) -> bytes:
    inner = b""
    for first, last, single in _MEMBER.findall(members):
        if single:
            inner += re.escape(single)
        elif first <= last:
            inner += re.escape(first) + b"-" + re.escape(last)
    if not inner:  # only ranges that go backwards: in there is nothing
        return b"[^/]" if is_negated else NOTHING.pattern
    return b"(?!/)[" + (b"^" if is_negated else b"") + inner + b"]"
