"""A comparison as people read it: files, hunks, lines with their numbers on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apps.projects.browsing.places import Place
from apps.projects.reading.changes import ChangeStatus
from apps.projects.reading.compare import Comparison, FileDiff, Hunk
from apps.projects.reading.paths import shown_name

# Of all files together: a page of more is slow to read, and to show.
LINES_SHOWN: Final = 6_000
# A file with more starts closed.
OPEN_LINES: Final = 400
LINE_MAX_CHARS: Final = 1_000
KINDS: Final = {"+": "added", "-": "removed", "\\": "note"}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line: `added`, `removed`, `context` or a `note`, with its number on the sides that have it."""

    kind: str
    old: int | None
    new: int | None
    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownHunk:
    """Lines that follow each other, and what they lie in."""

    head: str
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that differs, and its page if it is still there.

    `is_left_out` says that the page has enough lines already.
    """

    diff: FileDiff
    anchor: str
    address: str
    hunks: tuple[ShownHunk, ...]
    is_left_out: bool
    is_open: bool

    @property
    def name(self) -> str:
        """Return the path for people."""
        return self.diff.shown_path or shown_name(self.diff.path)


@dataclass(frozen=True, slots=True)
class ShownDiff:
    """All files of a comparison with their sums."""

    files: tuple[ShownFile, ...]
    additions: int
    deletions: int
    is_truncated: bool


def show_diff(at: Place, found: Comparison) -> ShownDiff:
    """Return a comparison with at most LINES_SHOWN lines, in whole files; links lead to `at`, its head."""
    files, left = [], LINES_SHOWN
    for place, diff in enumerate(found.files):
        count = sum(len(hunk.lines) for hunk in diff.hunks)
        is_left_out = count > left
        hunks = () if is_left_out else tuple(_hunk(hunk) for hunk in diff.hunks)
        left -= 0 if is_left_out else count
        files.append(
            ShownFile(
                diff=diff,
                anchor=f"file-{place}",
                address="" if diff.status is ChangeStatus.DELETED else at.address(diff.path),
                hunks=hunks,
                is_left_out=is_left_out,
                is_open=count <= OPEN_LINES,
            )
        )
    return ShownDiff(
        files=tuple(files),
        additions=sum(diff.additions or 0 for diff in found.files),
        deletions=sum(diff.deletions or 0 for diff in found.files),
        is_truncated=found.is_truncated,
    )


def _hunk(hunk: Hunk) -> ShownHunk:
    spans = f"@@ -{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines} @@"
    return ShownHunk(f"{spans} {hunk.section}".rstrip(), tuple(_lines(hunk)))


def _lines(hunk: Hunk) -> Iterator[DiffLine]:
    old, new = hunk.old_start, hunk.new_start
    for line in hunk.lines:
        sign, text = line[:1], line[1 : LINE_MAX_CHARS + 1]
        kind = KINDS.get(sign, "context")
        has_old, has_new = kind in {"removed", "context"}, kind in {"added", "context"}
        yield DiffLine(kind, old if has_old else None, new if has_new else None, sign.strip(), text)
        old, new = old + has_old, new + has_new
