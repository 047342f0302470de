"""Where a name stands of which the syntax tree says only the statement."""

import ast
import re
import tokenize
import unicodedata
from collections.abc import Iterator
from typing import Final

from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.tokens import Position

PLAIN_STRING: Final = re.compile(r"[rRuU]?('''|\"\"\"|'|\")")


class Positions:
    """Answers for one file: lines from 1, columns in code points from 0."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def start(self, node: ast.AST) -> Position:
        """Return where a node starts."""
        line: int = getattr(node, "lineno", 1)
        return line, self.module.ground.column(line, getattr(node, "col_offset", 0))

    def end(self, node: ast.AST) -> Position:
        """Return where a node ends."""
        line: int = getattr(node, "end_lineno", 1)
        return line, self.module.ground.column(line, getattr(node, "end_col_offset", 0))

    def word_at(self, position: Position) -> str:
        """Return the identifier that starts at a position."""
        line = self.module.ground.lines[position[0] - 1]
        end = position[1]
        while end < len(line) and is_word(line[end]):
            end += 1
        return line[position[1] : end]

    def last_word(self, node: ast.AST) -> Position:
        """Return the start of the identifier with which a node ends, as an attribute does."""
        row, column = self.end(node)
        line = self.module.ground.lines[row - 1]
        start = column
        while start > 0 and is_word(line[start - 1]):
            start -= 1
        return row, start

    def defined(self, node: ast.AST) -> Position | None:
        """Return the name behind `def` or `class`."""
        word = "class" if isinstance(node, ast.ClassDef) else "def"
        return token_start(self.module.tokens.after_word(self.start(node), word))

    def dotted(self, start: Position) -> Iterator[Position]:
        """Yield the parts of a dotted name, with leading dots skipped."""
        for item in self.module.tokens.words_from(start):
            if item.type == tokenize.NAME and item.string not in {"from", "import", "as"}:
                yield item.start
            elif item.string not in {".", "...", "from"}:
                return

    def alias(self, node: ast.alias) -> Position | None:
        """Return the name behind `as`, or the imported name itself."""
        if node.asname is None:
            return self.start(node)
        return token_start(self.module.tokens.after_word(self.start(node), "as"))

    def declared(self, node: ast.AST, index: int) -> Position | None:
        """Return a name of a `global` or `nonlocal` statement."""
        found = self.module.tokens.words_from(self.start(node))
        names = (item.start for item in found if item.type == tokenize.NAME)
        return next((start for place, start in enumerate(names) if place == index + 1), None)

    def caught(self, node: ast.ExceptHandler) -> Position | None:
        """Return the name of an `except ... as name`."""
        start = self.end(node.type) if node.type is not None else self.start(node)
        return token_start(self.module.tokens.after_word(start, "as"))

    def captured(self, node: ast.AST) -> Position | None:
        """Return the name that a pattern binds."""
        if isinstance(node, ast.MatchMapping):
            starts = [item.start for item in self.module.tokens.words_from(self.start(node))]
            inside = [start for start in starts if start < self.end(node)]
            names = [start for start in inside if self.word_at(start)]
            return names[-1] if names else None
        return self.last_word(node)

    def matched_keyword(self, node: ast.MatchClass, index: int) -> Position | None:
        """Return the attribute before `=` in a class pattern."""
        found = self.module.tokens.before(self.start(node.kwd_patterns[index]))
        for item in found:
            if item.string == "=":
                return token_start(next(found, None))
        return None

    def inside_string(self, node: ast.Constant) -> Position | None:
        """Return where a string's content starts, if it is written as it is: one line, no escapes."""
        line, column = self.start(node)
        source = self.module.ground.lines[line - 1]
        opening = PLAIN_STRING.match(source, column)
        if opening is None or not isinstance(node.value, str):
            return None
        whole = source[column : self.end(node)[1]] if self.end(node)[0] == line else ""
        if whole != f"{opening.group()}{node.value}{opening.group(1)}" or "\\" in whole:
            return None
        return line, opening.end()

    def reads(self, position: Position, name: str) -> str:
        """Return the word there as written, if it means the name; else nothing."""
        word = self.word_at(position)
        return word if word == name or unicodedata.normalize("NFKC", word) == name else ""


def is_word(character: str) -> bool:
    """Tell whether a character may stand in an identifier."""
    return character == "_" or character.isalnum() or f"a{character}".isidentifier()


def token_start(token: tokenize.TokenInfo | None) -> Position | None:
    """Return where a token starts, if there is one."""
    return token.start if token is not None else None
