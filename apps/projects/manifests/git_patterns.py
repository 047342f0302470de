"""Patterns of .gitattributes, read as git's matcher does: `*`, `**`, `?`, `[a-z]`, `[[:alpha:]]`, `\\x`."""

import functools
import re
from typing import Final

from apps.projects.manifests.globs import NOTHING, Star, Token, expression_of

_CLASSES: Final = {
    b"alnum": b"0-9A-Za-z",
    b"alpha": b"A-Za-z",
    b"blank": b" \\t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": b"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": b"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    b"space": rb"\x09-\x0d\x20",
    b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}


class _Broken(Exception):
    """The pattern ends in the middle: it matches nothing."""


@functools.lru_cache(maxsize=512)
def compile_pattern(pattern: bytes) -> "re.Pattern[bytes]":
    """Return an expression that fully matches what the pattern does; of a broken one nothing."""
    try:
        return re.compile(expression_of(_Reader(pattern).tokens()), re.DOTALL)
    except _Broken:
        return NOTHING


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern
        self._place = 0

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        while self._place < len(self._pattern):
            letter = self._next()
            if letter == b"*":
                found.append(self._star())
            elif letter == b"?":
                found.append(b"[^/]")
            elif letter == b"[":
                found.append(self._set())
            elif letter == b"/":
                found.append(b"/")
            else:
                literal = self._next() if letter == b"\\" else letter
                found.append(literal if literal == b"/" else re.escape(literal))
        return found

    def _next(self) -> bytes:
        letter = self._peek()
        if not letter:
            raise _Broken
        self._place += 1
        return letter

    def _peek(self, ahead: int = 0) -> bytes:
        return self._pattern[self._place + ahead : self._place + ahead + 1]

    def _star(self) -> Star:
        """Return what a run of stars means: over parts only where two of them are a whole part."""
        before = self._pattern[: self._place - 1]
        size = 1
        while self._peek() == b"*":
            self._place += 1
            size += 1
        # git compares what stands before the first open letter by itself: to its matcher the rest is all.
        is_first = not any(letter in before for letter in b"*?[\\")
        is_part = size > 1 and (is_first or before.endswith(b"/"))
        if is_part and not self._peek():
            return Star.ANYTHING
        if is_part and self._peek() == b"/":
            self._place += 1
            return Star.PARTS
        return Star.LETTERS

    def _set(self) -> bytes:
        negation = self._peek() in {b"!", b"^"}
        if negation:
            self._place += 1
        inner, before = self._member(b"")
        while self._peek() != b"]":
            more, before = self._member(before)
            inner += more
        self._place += 1
        if not inner:
            return b"[^/]" if negation else NOTHING.pattern
        return b"(?!/)[" + (b"^" if negation else b"") + inner + b"]"

    def _member(self, before: bytes) -> tuple[bytes, bytes]:
        """Return the next member of a set, and the letter at which a range could begin."""
        letter = self._next()
        if letter == b"\\":
            letter = self._next()
        elif letter == b"-" and before and self._peek() not in {b"", b"]"}:
            last = self._next()
            last = self._next() if last == b"\\" else last
            return (_literal(before) + b"-" + _literal(last) if before <= last else b""), b""
        elif letter == b"[" and self._peek() == b":":
            named = self._class()
            if named is not None:
                return named, b""
        return _literal(letter), letter

    def _class(self) -> bytes | None:
        """Return the members of `[:name:]`; None if this is none."""
        end = self._pattern.find(b"]", self._place + 1)
        if end < 0:
            raise _Broken
        if end == self._place + 1 or self._pattern[end - 1 : end] != b":":
            return None
        members = _CLASSES.get(self._pattern[self._place + 1 : end - 1])
        if members is None:
            raise _Broken
        self._place = end + 1
        return members


def _literal(letter: bytes) -> bytes:
    return b"\\x%02x" % letter[0]
