"""Give the nodes inside f-strings their true positions.

Before 3.12 the parser counts them from the start of the expression, or worse. Each replacement field is found
in the text, parsed by itself, and its positions moved over.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

OPENING: Final = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
PREFIX: Final = re.compile(r"[fF][rR]?['\"]")
HAS_TRUE_POSITIONS: Final = sys.version_info >= (3, 12)


class FieldsUnclear(Exception):
    """The text of an f-string was not understood."""


@dataclass(slots=True)
class Field:
    """The expression of a replacement field as a range of the text, and the fields of its format."""

    start: int
    end: int
    prints_itself: bool = False
    inner: list["Field"] = field(default_factory=list)


class Ground:
    """The text of a file by lines and bytes, as the parser counts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def column(self, line: int, byte: int) -> int:
        """Return the code point, from 0, at a byte of a line, from 1."""
        content = self.lines[line - 1]
        return byte if content.isascii() else len(content.encode()[:byte].decode("utf-8", "replace"))

    def index(self, line: int, byte: int) -> int:
        """Return the code point of the whole text at a byte of a line."""
        return self.starts[line - 1] + self.column(line, byte)

    def bytes_before(self, index: int, line: int) -> int:
        """Return the byte of a line at which a code point of the text stands."""
        return len(self.text[self.starts[line - 1] : index].encode())


def place_fields(tree: ast.AST, ground: Ground) -> list[tuple[int, int]]:
    """Move all nodes inside f-strings where they belong; returns the ranges of those that print their text.

    Raises FieldsUnclear.
    """
    printing: list[tuple[int, int]] = []
    if PREFIX.search(ground.text):
        for node in outermost(tree):
            place_in(node, ground, printing)
    return printing


def outermost(tree: ast.AST) -> Iterator[ast.JoinedStr]:
    """Yield the f-strings that stand in no other."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            yield node
        else:
            waiting.extend(ast.iter_child_nodes(node))


def place_in(node: ast.JoinedStr, ground: Ground, printing: list[tuple[int, int]]) -> None:
    """Place what one f-string holds, and what its own expressions hold."""
    start = ground.index(node.lineno, node.col_offset)
    end = ground.index(node.end_lineno or 0, node.end_col_offset or 0)
    found = [item for part in literals(ground.text, start, end) for item in part]
    match_fields(node, found, ground, printing)


def match_fields(
    node: ast.JoinedStr, found: list[Field], ground: Ground, printing: list[tuple[int, int]]
) -> None:
    """Pair the replacement fields of the tree with those of the text, in order."""
    values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
    if len(values) != len(found):
        raise FieldsUnclear
    for value, item in zip(values, found, strict=True):
        if item.prints_itself:
            printing.append((item.start, item.end))
        if not HAS_TRUE_POSITIONS:
            place_expression(value.value, item, ground)
        for inner in outermost(value.value):
            place_in(inner, ground, printing)
        if isinstance(value.format_spec, ast.JoinedStr):
            match_fields(value.format_spec, item.inner, ground, printing)


def place_expression(original: ast.expr, item: Field, ground: Ground) -> None:
    """Parse an expression by itself, and give its positions to the nodes of the tree."""
    line = ground.text.count("\n", 0, item.start) + 1
    shift = ground.bytes_before(item.start, line) - 1
    try:
        body = ast.parse(f"({ground.text[item.start : item.end]})", mode="eval").body
    except SyntaxError as error:
        raise FieldsUnclear from error
    if ast.dump(body) != ast.dump(original):
        raise FieldsUnclear
    for old, new in zip(ast.walk(original), ast.walk(body), strict=True):
        for edge in ("", "end_"):
            row = getattr(new, f"{edge}lineno", None)
            if row is not None:
                column = getattr(new, f"{edge}col_offset")
                setattr(old, f"{edge}lineno", row + line - 1)
                setattr(old, f"{edge}col_offset", column + shift if row == 1 else column)


def literals(text: str, start: int, end: int) -> Iterator[list[Field]]:
    """Yield the fields of each string literal of a concatenation; those without `f` have none."""
    at = start
    while at < end:
        if text[at] == "#":
            at = text.index("\n", at)
        opening = OPENING.match(text, at)
        if opening is None:
            if text[at] not in " \t\n\f\\":
                raise FieldsUnclear
            at += 1
            continue
        prefix, quote = opening.group(1).lower(), opening.group(2)
        if "f" in prefix:
            found, at = scan_text(text, opening.end(), quote, is_raw="r" in prefix, nested=False)
            yield found
        else:
            at = skip_string(text, opening.end(), quote)


def scan_text(text: str, at: int, closing: str, *, is_raw: bool, nested: bool) -> tuple[list[Field], int]:
    """Read literal text and its fields up to the closing quote, or the brace that ends a format."""
    found: list[Field] = []
    while not text.startswith(closing, at):
        if at >= len(text):
            raise FieldsUnclear
        if text[at] == "\\" and not is_raw:
            at = text.index("}", at) if text.startswith("\\N{", at) else at + 1
        elif text[at] == "{" and not (text.startswith("{{", at) and not nested):
            item, at = scan_field(text, at + 1, is_raw=is_raw)
            found.append(item)
            continue
        elif text.startswith("{{", at):
            at += 1
        at += 1
    return found, at + len(closing)


def scan_field(text: str, at: int, *, is_raw: bool) -> tuple[Field, int]:
    """Read a field from behind its brace to behind its closing one."""
    item = Field(at, end_of_expression(text, at))
    at = item.end
    own = text[item.start : item.end]
    bare = own.rstrip()
    if bare.endswith("=") and not bare.endswith(("==", "!=", "<=", ">=")):
        item.end = item.start + len(bare) - 1
        item.prints_itself = True
    if text[at] == "!":
        at = min(place for place in (text.find(":", at), text.find("}", at)) if place >= 0)
    if text[at] == ":":
        item.inner, at = scan_text(text, at + 1, "}", is_raw=is_raw, nested=True)
        return item, at
    return item, at + 1


def end_of_expression(text: str, at: int) -> int:
    """Return where the expression ends: at `}`, `:` or `!` outside of brackets and strings."""
    depth = 0
    while at < len(text):
        character = text[at]
        if depth == 0 and (character in "}:" or (character == "!" and text[at + 1] != "=")):
            return at
        depth += (character in "([{") - (character in ")]}")
        if character in "'\"":
            quote = character * 3 if text.startswith(character * 3, at) else character
            at = skip_string(text, at + len(quote), quote)
        else:
            at += 1
    raise FieldsUnclear


def skip_string(text: str, at: int, quote: str) -> int:
    """Return the index behind a string that began before `at`."""
    while not text.startswith(quote, at):
        if at >= len(text):
            raise FieldsUnclear
        at += 2 if text[at] == "\\" else 1
    return at + len(quote)
