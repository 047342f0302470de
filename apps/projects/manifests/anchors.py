"""Anchors: lines of a blob, named so that they are found again after edits. Pure.

The window is what names them: the lines, at least three, widened evenly, without CR, trailing blanks and
common indent. Lines are counted from 1, both ends included, and end with LF, CR LF or CR.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

WINDOW_LINES: Final = 3
WINDOW_CHARS: Final = 16
# A text with more places that look alike has no answer; nor is one sought by hand through more lines.
CANDIDATES_MAX: Final = 1_000
TRIED_LINES_MAX: Final = 2_000_000
_HUNK: Final = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


class AnchorState(StrEnum):
    """How lines stand in another commit."""

    EXACT = "exact"
    MOVED = "moved"
    ORPHANED = "orphaned"


class AnchorMethod(StrEnum):
    """The step that found them."""

    BLOB = "blob"
    SYMBOL = "symbol"
    WINDOW = "window"
    DIFF = "diff"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Lines of a blob under a path; `window` may be empty, `symbol` is a qualified name that they are."""

    path: bytes
    blob_id: str
    line_start: int
    line_end: int
    window: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Lines from 1, both included."""

    start: int
    end: int


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def window_span(span: LineSpan, line_count: int) -> LineSpan:
    """Return the lines that the window of a span covers in a text of so many lines."""
    start, end = span.start, min(span.end, line_count)
    while end - start + 1 < WINDOW_LINES and (start > 1 or end < line_count):
        start, end = max(1, start - 1), min(line_count, end + 1)
    return LineSpan(start, end)


def window_of(lines: Sequence[str], span: LineSpan) -> str:
    """Return the window of a span of a text."""
    around = window_span(span, len(lines))
    return window_hash(lines[around.start - 1 : around.end])


def window_hash(lines: Sequence[str]) -> str:
    """Return the digest of lines without trailing blanks and common indent."""
    bare = [line.rstrip() for line in lines]
    common = _common_indent([line for line in bare if line])
    text = "\n".join(line[common:] for line in bare)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:WINDOW_CHARS]


def _common_indent(lines: Sequence[str]) -> int:
    """Return how many blanks all lines begin with: what the first and the last in order share."""
    if not lines:
        return 0
    indents = [line[: len(line) - len(line.lstrip())] for line in lines]
    pairs = zip(min(indents), max(indents), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def find_window(old: Sequence[str], span: LineSpan, new: Sequence[str]) -> LineSpan | None:
    """Return where the window of a span of `old` is in `new`; None unless there is exactly one place.

    One place in `new` is no answer if `old` had several: of these one may be gone, and another stayed.
    """
    around = window_span(span, len(old))
    wanted = old[around.start - 1 : around.end]
    if not any(line.strip() for line in wanted) or _places(old, wanted) != [around.start]:
        return None
    found = _places(new, wanted)
    if len(found) != 1:
        return None
    return _within(span, around, found[0])


def find_hash(window: str, span: LineSpan, new: Sequence[str]) -> LineSpan | None:
    """Return where a window is in `new` when the old text is gone; None unless there is exactly one place.

    The span is taken for one that lies far from both ends of its text.
    """
    around = window_span(
        LineSpan(span.start + WINDOW_LINES, span.end + WINDOW_LINES), span.end + 3 * WINDOW_LINES
    )
    size = around.end - around.start + 1
    if size * len(new) > TRIED_LINES_MAX:
        return None
    tried = range(len(new) - size + 1)
    found = [place + 1 for place in tried if window_hash(new[place : place + size]) == window]
    if len(found) != 1:
        return None
    before = span.start + WINDOW_LINES - around.start
    return LineSpan(found[0] + before, found[0] + before + span.end - span.start)


def map_by_diff(old: Sequence[str], span: LineSpan, new: Sequence[str], diff: bytes) -> LineSpan | None:
    """Return where unchanged lines went by a diff without context; None if one of them changed.

    The run of unchanged lines around them must stand once in both texts: where lines repeat, a diff may pair
    those of one place with those of another.
    """
    for start, end, shift in unchanged_runs(diff, len(old)):
        if start <= span.start and span.end <= end:
            run = old[start - 1 : end]
            is_sure = _is_once(old, run) and _is_once(new, run)
            return LineSpan(span.start + shift, span.end + shift) if is_sure else None
    return None


def unchanged_runs(diff: bytes, line_count: int) -> Iterator[tuple[int, int, int]]:
    """Yield first and last old line of each run that a diff leaves alone, and by how many lines it moved."""
    old_next = new_next = 1
    for hunk in _HUNK.finditer(diff):
        old_start, new_start = int(hunk[1]), int(hunk[3])
        old_size, new_size = int(hunk[2] or 1), int(hunk[4] or 1)
        # A side of no lines is named by the line before it.
        old_start, new_start = old_start + (old_size == 0), new_start + (new_size == 0)
        if old_start > old_next:
            yield old_next, old_start - 1, new_next - old_next
        old_next, new_next = old_start + old_size, new_start + new_size
    if old_next <= line_count:
        yield old_next, line_count, new_next - old_next


def _within(span: LineSpan, around: LineSpan, place: int) -> LineSpan:
    shift = place - around.start
    return LineSpan(span.start + shift, span.end + shift)


def _places(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the window of `wanted` begins: at most two places, none if too many look alike."""
    bare = "\n" + "".join(f"{line.strip()}\n" for line in lines)
    needle = "\n" + "".join(f"{line.strip()}\n" for line in wanted)
    window = window_hash(wanted)
    found: list[int] = []
    place, line, tried = 0, 1, 0
    while len(found) < 2:  # noqa: PLR2004 - two are too many already
        following = bare.find(needle, place)
        if following < 0:
            break
        line += bare.count("\n", place, following)
        if window_hash(lines[line - 1 : line - 1 + len(wanted)]) == window:
            found.append(line)
        place, tried = following + 1, tried + 1
        line += 1
        if tried > CANDIDATES_MAX:
            return []
    return found


def _is_once(lines: Sequence[str], run: Sequence[str]) -> bool:
    text = "\n" + "".join(f"{line}\n" for line in lines)
    needle = "\n" + "".join(f"{line}\n" for line in run)
    first = text.find(needle)
    return first >= 0 and text.find(needle, first + 1) < 0
