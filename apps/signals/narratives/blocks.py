"""From CommonMark tokens to the few kinds of blocks that a narrative is made of.

Only bold is taken as markup: names of segments hold asterisks, brackets and angles of their own.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

BOLD: Final = "**"
# A pipe that ends a cell: not one that is escaped.
PIPE: Final = re.compile(r"(?<!\\)\|")
_reader = MarkdownIt("commonmark").enable("table")
_reader.disable(
    ["link", "image", "autolink", "html_inline", "html_block", "entity", "backticks", "reference"]
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a paragraph or an item: its words without bold marks, and the bold words it begins with."""

    text: str
    label: str = ""

    @property
    def value(self) -> str:
        """Return what follows the label and its colon."""
        return self.text.removeprefix(self.label).lstrip(": ").strip()


@dataclass(frozen=True, slots=True)
class Item(Line):
    """A line of a list."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` 1 is the title."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block, as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table without its head; `is_bold` if its first cell is."""

    cells: tuple[str, ...]
    is_bold: bool = False


Block = Line | Heading | Fence | TableRow


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text in their order."""
    tokens = _reader.parse(text)
    source = text.splitlines()
    path: list[str] = []
    level = 0
    for place, token in enumerate(tokens):
        if token.nesting:
            level = int(token.tag[1]) if token.type == "heading_open" else level
            _follow(path, token)
        if token.type == "tr_open" and "tbody" in path:
            yield _table_row(tokens, place, source)
        elif token.type in {"fence", "code_block"}:
            yield Fence(token.content)
        elif token.type == "inline" and "table" not in path:
            lines = _lines(token.children or [])
            if path[-1] == "heading":
                yield from (Heading(line.text, level) for line in lines)
            else:
                yield from (Item(line.text, line.label) if "list_item" in path else line for line in lines)


def _follow(path: list[str], token: Token) -> None:
    """Keep the names of what is open around the next token."""
    if token.nesting > 0:
        path.append(token.type.removesuffix("_open"))
    else:
        path.pop()


def _lines(children: Iterable[Token]) -> Iterator[Line]:
    """Yield the lines of inline tokens, split at line breaks."""
    words, label, is_bold = "", "", False
    for child in children:
        if child.type in {"softbreak", "hardbreak"}:
            yield Line(words.strip(), label.strip(": "))
            words, label = "", ""
        elif child.markup == BOLD and child.nesting:
            is_bold = child.nesting > 0
        else:
            # Whatever else was taken for a mark stays as it was written.
            written = child.content or (child.markup if child.nesting else "")
            if is_bold and words == label:
                label += written
            words += written
    yield Line(words.strip(), label.strip(": "))


def _table_row(tokens: Sequence[Token], start: int, source: Sequence[str]) -> TableRow:
    """Return the row that begins at a token."""
    cells: list[Line] = []
    place = start
    while tokens[place].type != "tr_close":
        if tokens[place].type == "inline":
            cells.append(next(_lines(tokens[place].children or [])))
        place += 1
    lines = tokens[start].map
    written = source[lines[0]] if lines and lines[0] < len(source) else ""
    is_bold = bool(cells and cells[0].label)
    return TableRow(_mended(written, len(cells)) or tuple(cell.text for cell in cells), is_bold)


def _mended(written: str, columns: int) -> tuple[str, ...] | None:
    """Return all cells of a row that has more than the table; None if it has not.

    The reader drops the surplus, and with it the last figures of a row whose names hold bare pipes.
    """
    cells = [cell.strip() for cell in PIPE.split(written.strip().removeprefix("|"))]
    if cells and not cells[-1]:
        cells.pop()
    if len(cells) <= columns:
        return None
    return tuple(cell.replace(BOLD, "").replace("\\|", "|") for cell in cells)
