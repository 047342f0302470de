"""Better names, by convention and by what else a file is called."""

from collections.abc import Iterator
from typing import Final

from apps.projects.analysis.values import Definition
from apps.projects.documenting.results import Anchor, Suggestion
from apps.projects.documenting.structure import ReadFile, Structure

SUGGESTIONS_MAX: Final = 1_000


def find_suggestions(structure: Structure) -> tuple[Suggestion, ...]:
    """Return better names, the surest first, by path and line; at most SUGGESTIONS_MAX."""
    found = [each for read in structure.files for each in _of_file(read)]
    found.sort(key=lambda each: (-each.confidence, each.anchor.path, each.anchor.line_start, each.symbol))
    return tuple(found[:SUGGESTIONS_MAX])


def _of_file(read: ReadFile) -> Iterator[Suggestion]:
    path = read.file.path
    stem = path.rpartition("/")[2].removesuffix(".py")
    if len(stem) == 1 and path.endswith(".py"):
        yield Suggestion(
            symbol=stem,
            anchor=Anchor(path, read.file.blob_id, 1, max(read.facts.lines, 1)),
            current=stem,
            proposed=f"{stem}_module",
            reason="It is a module with a name of one letter.",
            confidence=0.3,
        )
    for better in read.facts.better_names:
        line_end = _end_of(read.facts.definitions, better.symbol, better.line)
        anchor = Anchor(path, read.file.blob_id, better.line, line_end, symbol=better.symbol)
        yield Suggestion(
            symbol=better.symbol,
            anchor=anchor,
            current=better.current,
            proposed=better.proposed,
            reason=better.reason,
            confidence=better.confidence,
        )


def _end_of(definitions: tuple[Definition, ...], symbol: str, line: int) -> int:
    """Return the last line of a definition, of anything else its only one."""
    ends = (each.line_end for each in definitions if (each.qualified_name, each.line_start) == (symbol, line))
    return next(ends, line)
