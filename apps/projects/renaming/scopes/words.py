"""Every other word equal to the name: in comments, in strings, in files that are no Python."""

import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.wire import Left, Question, Script, Site

DOCUMENTS: Final = (".md", ".rst", ".txt", ".adoc", ".html")
FSTRINGS: Final = {getattr(tokenize, name, -1) for name in ("FSTRING_MIDDLE", "FSTRING_START", "FSTRING_END")}


@lru_cache(maxsize=8)
def word_pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of the name as a whole word."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def find_words(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield the places of a word, both from 1."""
    if name in text:
        pattern = word_pattern(name)
        for number, line in enumerate(text.split("\n"), 1):
            for found in pattern.finditer(line) if name in line else ():
                yield number, found.start() + 1


class Words:
    """Sorts the words of one question: what stays, and what a person may tick."""

    def __init__(self, question: Question, *, by_name: bool) -> None:
        self.question = question
        # Whether attributes are asked for by strings that are computed somewhere.
        self.by_name = by_name
        self.sites: list[Site] = []
        self.left: list[Left] = []

    def of_module(self, module: Module, known: set[tuple[int, int]]) -> None:
        """Sort the words of a Python file that are no occurrences known already."""
        for line, column in find_words(module.text, self.question.old):
            if (line, column) not in known:
                self.sort(module, line, column)

    def sort(self, module: Module, line: int, column: int) -> None:
        """Sort one word by the token that covers it."""
        token = covering(module, line, column - 1)
        kind = "" if token is None else "comment" if token.type == tokenize.COMMENT else "string"
        is_name = kind == "string" and token is not None and is_part(token.string, self.question.old)
        if not kind:
            self.offer(module.path, line, column, "not_understood")
        elif is_in(module.unclear, line) or (module.doubt and kind == "string"):
            self.offer(module.path, line, column, "string_unclear")
        elif kind == "string" and token is not None and is_formatted(token.string, self.question.old):
            self.offer(module.path, line, column, "format_string")
        elif is_name and self.by_name:
            self.offer(module.path, line, column, "attribute_by_string")
        elif (kind == "comment" and self.question.comments) or (kind == "string" and self.question.strings):
            self.offer(module.path, line, column, kind)
        else:
            self.leave(module.path, line, column, kind)

    def of_text(self, script: Script, reason: str) -> None:
        """Sort the words of a file that is not Python, or does not parse."""
        is_document = script.path.lower().endswith(DOCUMENTS)
        for line, column in find_words(script.text, self.question.old):
            if self.question.docs and is_document:
                self.offer(script.path, line, column, "document")
            else:
                self.leave(script.path, line, column, reason)

    def offer(self, path: str, line: int, column: int, doubt: str) -> None:
        """Add a site that is not certain."""
        old, new = self.question.old, self.question.new
        self.sites.append(
            Site(path, line, column, old, new, doubt, is_bound=False, is_own=False, doubt=doubt)
        )

    def leave(self, path: str, line: int, column: int, reason: str) -> None:
        """Add a word that stays."""
        self.left.append(Left(path, line, column, self.question.old, reason))


def covering(module: Module, line: int, column: int) -> tokenize.TokenInfo | None:
    """Return the comment or string that covers a place."""
    strings = [item for item in module.tokens.items if item.type == tokenize.STRING or item.type in FSTRINGS]
    for item in [*module.tokens.comments, *strings]:
        if item.start <= (line, column) < item.end:
            return item
    return None


def is_part(string: str, name: str) -> bool:
    """Tell whether a string literal is the name, or a dotted name that it is a part of."""
    content = string.lstrip("rRbBuUfF").strip("'\"")
    return name in content.replace(":", ".").split(".")


def is_formatted(string: str, name: str) -> bool:
    """Tell whether a string asks for an attribute of what is formatted: `{0.name}`."""
    return re.search(rf"\{{[^{{}}]*\.{re.escape(name)}\b", string) is not None


def is_in(ranges: list[tuple[int, int]], line: int) -> bool:
    """Tell whether a line is in one of the ranges."""
    return any(first <= line <= last for first, last in ranges)
