"""What a search found, file by file, with the lines around the hits."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.projects.browsing.places import Place
from apps.projects.queries.search import SearchResult
from apps.projects.reading.paths import shown_name, shown_path
from apps.projects.reading.search import Hit, Mode, Question

HITS_SHOWN: Final = 500
NOTHING: Final = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line that matches, or beside one; `follows` unless lines are left out before it."""

    number: int
    html: SafeString
    is_hit: bool
    follows: bool


@dataclass(frozen=True, slots=True)
class FoundIn:
    """A file with the lines that were found in it; without lines it was found by its name."""

    name: str
    address: str
    lines: tuple[FoundLine, ...]


def group_hits(place: Place, found: SearchResult, question: Question) -> list[FoundIn]:
    """Return the first HITS_SHOWN hits by file, each line once."""
    marks = _marks(question)
    return [
        FoundIn(
            name=shown_path(path) or shown_name(path),
            address=place.address(path),
            lines=tuple(_lines([hit for hit in hits if hit.line is not None], marks)),
        )
        for path, hits in groupby(found.hits[:HITS_SHOWN], key=lambda hit: hit.path)
    ]


def _lines(hits: Sequence[Hit], marks: "re.Pattern[str]") -> Iterator[FoundLine]:
    texts: dict[int, str] = {}
    matched = {hit.line for hit in hits}
    for hit in hits:
        line = hit.line or 0
        around = [*hit.before, hit.text or "", *hit.after]
        texts |= dict(enumerate(around, line - len(hit.before)))
    for number in sorted(texts):
        is_hit = number in matched
        html = _marked(texts[number], marks) if is_hit else SafeString(escape(texts[number]))
        yield FoundLine(number, html, is_hit, follows=number - 1 in texts or number == min(texts))


def _marks(question: Question) -> "re.Pattern[str]":
    """Return what is marked in a hit: the text itself. Where an expression matched, only git knows."""
    if question.mode is Mode.REGEX:
        return NOTHING
    return re.compile(re.escape(question.text), 0 if question.is_case_sensitive else re.IGNORECASE)


def _marked(text: str, marks: "re.Pattern[str]") -> SafeString:
    parts, end = [], 0
    for found in marks.finditer(text):
        parts += [escape(text[end : found.start()]), f"<mark>{escape(found[0])}</mark>"]
        end = found.end()
    return mark_safe("".join([*parts, escape(text[end:])]))  # noqa: S308 - every text in it was escaped
