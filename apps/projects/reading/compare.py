"""Two commits line by line, as a unified diff, within bounds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from apps.projects.reading.bounded import bounded_git
from apps.projects.reading.changes import ChangedFile, ChangeStatus, diff_arguments, list_changes
from apps.projects.reading.widening import widened

DEADLINE_S: Final = 10.0
FILES_MAX: Final = 300
LINES_PER_FILE: Final = 5_000
# Of all files together: an answer is no download.
TEXT_MAX_CHARS: Final = 8 * 1024**2
LINE_MAX_BYTES: Final = 4_000
SECTION_MAX_CHARS: Final = 200
START: Final = b"diff --git "
BINARY: Final = b"Binary files "
CHUNK_BYTES: Final = 256 * 1024
HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that follow each other, each with its sign before it: ` `, `+`, `-`, or a note with `\\`."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    section: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileDiff(ChangedFile):
    """What changed in a file; of a binary one there are no hunks."""

    hunks: tuple[Hunk, ...] = ()
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from `base` to `head` (full ids); there are more files if `is_truncated`."""

    base: str
    head: str
    files: tuple[FileDiff, ...]
    is_truncated: bool


def compare_commits(repository: Path, base: str, head: str, *, path: bytes = b"") -> Comparison:
    """Return what differs between two commits or trees, at most 300 files with 5,000 lines each.

    Beyond a total of text, or of time, files come without their lines and say so. Raises ReadingTooLong,
    GitFailed.
    """
    changes = list_changes(repository, base, head, path=path, has_counts=False)
    shown = changes[:FILES_MAX]
    arguments = diff_arguments(base, head, path, "-p", "--unified=3", "--no-prefix")
    with bounded_git(repository, *arguments, deadline_s=DEADLINE_S) as git:
        reading = _Reading(shown)
        if reading.take_all(git.stream):
            git.end()
        diffs = reading.diffs(is_late=git.is_late)
    return Comparison(base, head, diffs, len(changes) > len(shown))


@dataclass(slots=True)
class _HunkDraft:
    """A hunk of which lines are still to come."""

    numbers: tuple[int, int, int, int]
    section: str
    lines: list[str] = field(default_factory=list)

    def hunk(self) -> Hunk:
        return Hunk(*self.numbers, self.section, tuple(self.lines))


@dataclass(slots=True)
class _FileDraft:
    """A file of which lines are still to come; `additions` and `deletions` count those left out, too."""

    change: ChangedFile
    hunks: list[_HunkDraft] = field(default_factory=list)
    lines: int = 0
    additions: int = 0
    deletions: int = 0
    is_begun: bool = False
    is_binary: bool = False
    is_truncated: bool = False

    def diff(self) -> FileDiff:
        """Return the file as far as it was read."""
        change = self.change
        if self.is_begun and not self.is_binary:
            change = replace(change, additions=self.additions, deletions=self.deletions, is_binary=False)
        elif self.is_binary:
            change = replace(change, is_binary=True)
        hunks = tuple(each.hunk() for each in self.hunks)
        return widened(FileDiff, change, hunks=hunks, is_truncated=self.is_truncated)


class _Reading:
    """Reads a patch of many files, whose order is known, line by line."""

    def __init__(self, changes: Sequence[ChangedFile]) -> None:
        self._drafts = [_FileDraft(change) for change in changes]
        # A file that becomes a link is two patches: one goes, one comes.
        self._plan = iter(
            [
                draft
                for draft in self._drafts
                for _ in range(2 if draft.change.status is ChangeStatus.TYPE_CHANGED else 1)
            ]
        )
        self._current: _FileDraft | None = None
        self._is_in_hunk = False
        self._chars = 0

    def take_all(self, stream: IO[bytes]) -> bool:
        """Read to the end of the stream, or of the files that are wanted: return whether it was the first."""
        while line := stream.readline(LINE_MAX_BYTES):
            is_cut = not line.endswith(b"\n")
            while is_cut and (more := stream.readline(CHUNK_BYTES)) and not more.endswith(b"\n"):
                pass
            if line.startswith(START) and not self._begin():
                return False
            self._take(line, is_cut=is_cut)
        return True

    def diffs(self, *, is_late: bool) -> tuple[FileDiff, ...]:
        """Return what was read; with `is_late` the file that was read last has no end."""
        for draft in self._drafts:
            is_last = draft is self._current
            draft.is_truncated |= not draft.is_begun or (is_late and is_last)
        return tuple(draft.diff() for draft in self._drafts)

    def _begin(self) -> bool:
        self._current = next(self._plan, None)
        self._is_in_hunk = False
        if self._current is None:
            return False
        self._current.is_begun = True
        return True

    def _take(self, line: bytes, *, is_cut: bool) -> None:
        file = self._current
        if file is None:
            return
        if found := HUNK.match(line):
            self._is_in_hunk = True
            numbers = [int(number) if number is not None else 1 for number in found.groups()[:4]]
            section = shown_line(found[5])[:SECTION_MAX_CHARS]
            file.hunks.append(_HunkDraft((numbers[0], numbers[1], numbers[2], numbers[3]), section))
        elif self._is_in_hunk:
            self._keep(file, line, is_cut=is_cut)
        elif line.startswith(BINARY):
            file.is_binary = True

    def _keep(self, file: _FileDraft, line: bytes, *, is_cut: bool) -> None:
        file.additions += line.startswith(b"+")
        file.deletions += line.startswith(b"-")
        file.lines += 1
        text = shown_line(line)
        self._chars += len(text)
        if file.lines > LINES_PER_FILE or self._chars > TEXT_MAX_CHARS:
            file.is_truncated = True
            return
        file.is_truncated |= is_cut
        file.hunks[-1].lines.append(text)


def shown_line(line: bytes) -> str:
    """Return a line as text without its end; what is not UTF-8 reads as latin-1."""
    line = line.rstrip(b"\r\n")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
