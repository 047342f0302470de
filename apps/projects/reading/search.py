"""Searches in the code or the names of a commit's files."""

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from django.db.models import TextChoices

from apps.common.errors import FieldError, Invalid
from apps.projects.errors import GitFailed
from apps.projects.manifests.globs import compile_globs
from apps.projects.reading.grep import GrepLine, Pattern, check_pattern, start_grep
from apps.projects.reading.paths import path_key, shown_path

HITS_MAX: Final = 2_000
HITS_PER_FILE: Final = 200
# Hits with what surrounds them: an answer is no download.
TEXT_MAX_CHARS: Final = 4 * 1024**2
# What git's globs would read otherwise than ours.
SPECIAL: Final = frozenset("?[]\\")


class Mode(TextChoices):
    """How the text is meant."""

    LITERAL = "literal"
    WORD = "word"
    REGEX = "regex"


MODE_OPTIONS: Final = {Mode.LITERAL: ("-F",), Mode.WORD: ("-F", "-w"), Mode.REGEX: ("-E",)}


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for; raises Invalid for more than one line."""

    text: str
    mode: Mode = Mode.LITERAL
    is_case_sensitive: bool = False

    def __post_init__(self) -> None:
        """Refuse line ends: to git every line is a pattern of its own."""
        if not self.text or "\n" in self.text or "\0" in self.text:
            raise Invalid(errors=[FieldError("Search for one line.", parameter="q")])

    @property
    def pattern(self) -> Pattern:
        """Return it as `git grep` takes it."""
        case = () if self.is_case_sensitive else ("-i",)
        return Pattern((*MODE_OPTIONS[self.mode], *case), self.text)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where is searched: globs on whole paths, those left out, and the only files to look at (None: all)."""

    glob: str = ""
    excluded: tuple[str, ...] = ()
    files: frozenset[bytes] | None = None

    def takes(self, path: bytes) -> bool:
        """Tell whether a file is searched."""
        if compile_globs(self.excluded).fullmatch(path):
            return False
        if self.glob and not compile_globs((self.glob,)).fullmatch(path):
            return False
        return self.files is None or path in self.files

    @property
    def pathspecs(self) -> list[str]:
        """Return what spares git files: never less than `takes` takes, as git's globs differ a little."""
        found = []
        if self.glob and _is_common(self.glob):
            found.append(f":(top,glob){self.glob}")
        # Of a folder alone: elsewhere git would leave out what lies below a match, too.
        found += [
            f":(top,exclude,glob){glob}"
            for glob in self.excluded
            if glob.endswith("/**") and _is_common(glob)
        ]
        return found


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that matches, or a file by its path alone.

    `column` counts characters from 1; of a long line `text` is a part, which begins at `text_column`.
    """

    path: bytes
    line: int | None = None
    column: int | None = None
    text: str | None = None
    text_column: int | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def shown_path(self) -> str | None:
        """Return the path as text, None if it is not UTF-8."""
        return shown_path(self.path)

    @property
    def path_key(self) -> str:
        """Return the key that names the path whatever its bytes are."""
        return path_key(self.path)


@dataclass(frozen=True, slots=True)
class Findings:
    """Hits in the order of paths and lines; there are more if `is_truncated`."""

    hits: tuple[Hit, ...]
    is_truncated: bool


def search_code(repository: Path, commit: str, question: Question, scope: Scope, *, context: int) -> Findings:
    """Return the lines of a commit's text files that match; raises RegexInvalid, GitFailed."""
    where = ["-m", str(HITS_PER_FILE + 1), *(["-C", str(context)] if context else [])]
    where += [commit, "--", *scope.pathspecs]
    prefix = len(commit) + 1
    with _guarded(question), start_grep(repository, question.pattern, *where) as grep:
        limits = _Limits()
        hits = limits.cut(hit for hit in _hits(grep, context, prefix) if scope.takes(hit.path))
        return Findings(tuple(hits), limits.is_reached or grep.is_late)


def search_paths(paths: Iterable[bytes], question: Question, scope: Scope) -> Findings:
    """Return the files of which the path matches, by the same expressions; raises RegexInvalid."""
    wanted = [path for path in paths if scope.takes(path)]
    with tempfile.TemporaryDirectory(prefix="grep-") as folder:
        # Line n is path n, so none may have line ends.
        listed = b"".join(path.replace(b"\n", b" ").replace(b"\0", b" ") + b"\n" for path in wanted)
        (Path(folder) / "paths").write_bytes(listed)
        where = ("-a", "--no-index", "--", "paths")
        with _guarded(question), start_grep(None, question.pattern, *where, cwd=Path(folder)) as grep:
            lines = [line for line in islice(grep, HITS_MAX + 1) if line is not None]
            hits = [Hit(wanted[line.line - 1]) for line in lines[:HITS_MAX]]
            return Findings(tuple(hits), len(lines) > HITS_MAX or grep.is_late)


@contextmanager
def _guarded(question: Question) -> Iterator[None]:
    """Say of a search that failed whether its expression is to blame."""
    try:
        yield
    except GitFailed:
        if question.mode is Mode.REGEX:
            check_pattern(question.pattern)
        raise


class _Limits:
    """Lets hits pass until there are enough of a file, of all, or of text."""

    def __init__(self) -> None:
        self.is_reached = False

    def cut(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Yield hits within the limits, and note whether there were more."""
        path, of_file, total, chars = b"", 0, 0, 0
        for hit in hits:
            of_file = of_file + 1 if hit.path == path else 1
            path = hit.path
            if of_file > HITS_PER_FILE:
                self.is_reached = True
                continue
            total += 1
            chars += sum(map(len, (hit.text or "", *hit.before, *hit.after)))
            if total > HITS_MAX or chars > TEXT_MAX_CHARS:
                self.is_reached = True
                return
            yield hit


@dataclass(slots=True)
class _Draft:
    """A hit of which what follows is still to come."""

    found: GrepLine
    column: int
    before: tuple[str, ...]
    after: list[str] = field(default_factory=list)

    def hit(self, prefix: int) -> Hit:
        """Return the hit; the name loses so many bytes of the commit before it."""
        found = self.found
        path = found.name[prefix:]
        return Hit(
            path, found.line, self.column, found.text, found.text_column, self.before, tuple(self.after)
        )


def _hits(lines: Iterable[GrepLine | None], context: int, prefix: int) -> Iterator[Hit]:
    """Yield the hits with the lines around them, in order."""
    recent: deque[str] = deque(maxlen=context)
    open_drafts: deque[_Draft] = deque()
    name = b""
    for line in lines:
        if line is None or line.name != name:
            yield from (draft.hit(prefix) for draft in open_drafts)
            open_drafts.clear()
            recent.clear()
        if line is None:
            continue
        name = line.name
        while open_drafts and open_drafts[0].found.line + context < line.line:
            yield open_drafts.popleft().hit(prefix)
        for draft in open_drafts:
            draft.after.append(line.text)
        if line.column is not None:
            open_drafts.append(_Draft(line, line.column, tuple(recent)))
        recent.append(line.text)
    yield from (draft.hit(prefix) for draft in open_drafts)


def _is_common(glob: str) -> bool:
    """Tell whether git reads a glob as we do: `**` stands for whole parts, and nothing else is special."""
    parts = glob.split("/")
    return not SPECIAL & set(glob) and all("**" not in part or part == "**" for part in parts)
