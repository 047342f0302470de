"""`git grep` over hostile input: bounded in time, memory and output, its lines read one by one.

What is searched for is one argument after `-e`, where is `--` or a full id: nothing of it is ever an option.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.common.errors import FieldError, Invalid
from apps.projects.errors import GitFailed
from apps.projects.reading.bounded import BoundedGit, bounded_git

DEADLINE_S: Final = 5.0
PIECE_BYTES: Final = 64 * 1024
HEAD_MAX_BYTES: Final = 8 * 1024
TEXT_MAX_BYTES: Final = 1_000
# Of a long line so much is shown before the hit.
LEAD_BYTES: Final = 200
# Expressions know characters, not bytes.
LOCALE: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
# The second: nothing was found.
ACCEPTED: Final = frozenset({0, 1})
# More than a character takes.
LAST_BYTES: Final = 4
COLUMN: Final = re.compile(rb"(\d{1,18})\0")
OPTIONS: Final = (
    "--no-color",
    "--full-name",
    "--no-textconv",
    "--no-recurse-submodules",
    "-I",
    "-z",
    "-n",
    "--column",
)


class RegexInvalid(Invalid):
    """This is no POSIX extended regular expression."""

    code = "projects.regex_invalid"


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is searched for, as options of `git grep`."""

    options: tuple[str, ...]
    text: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the options and the text."""
        return (*self.options, "-e", self.text)


@dataclass(frozen=True, slots=True)
class GrepLine:
    """A line that matches (`column` is set) or stands beside one (`column` is None).

    Columns count characters from 1; `text_column` is that of the text's first: of a long line a part is kept.
    """

    name: bytes
    line: int
    column: int | None
    text: str
    text_column: int = 1


class Grep:
    """A running search: iterate once, then look at `is_late`."""

    def __init__(self, git: BoundedGit) -> None:
        self._git = git
        self._stream = git.stream

    @property
    def is_late(self) -> bool:
        """Tell whether the search was killed at its deadline."""
        return self._git.is_late

    def __iter__(self) -> Iterator[GrepLine | None]:
        """Yield lines, None where the next one does not follow the last; raises GitFailed at the end."""
        while head := self._head():
            yield None if head == b"--\n" else self._line(head)
        self._git.end(ACCEPTED)

    def _head(self) -> bytes:
        """Return the start of a record, as far as its name goes; empty at the end."""
        head = self._stream.readline(HEAD_MAX_BYTES)
        # A name may hold line ends; NUL ends it.
        while head and head != b"--\n" and b"\0" not in head:
            more = self._stream.readline(HEAD_MAX_BYTES)
            if not more or len(head) > HEAD_MAX_BYTES:
                return b""
            head += more
        return head

    def _line(self, head: bytes) -> GrepLine:
        name, _, rest = head.partition(b"\0")
        number, _, rest = rest.partition(b"\0")
        # Lines that match have a column; git tells them apart by nothing else.
        found = COLUMN.match(rest)
        text = _Window(int(found[1]) if found else 1)
        rest = rest[found.end() :] if found else rest
        text.feed(rest)
        while not rest.endswith(b"\n") and (rest := self._stream.readline(PIECE_BYTES)):
            text.feed(rest)
        column = text.column if found else None
        return GrepLine(name, int(number), column, _decoded(bytes(text.kept)), text.text_column)


class _Window:
    """The part of a line that is kept: from the start, or from shortly before a hit far out."""

    def __init__(self, byte_column: int) -> None:
        hit = byte_column - 1
        self._start = max(0, hit - LEAD_BYTES) if hit > TEXT_MAX_BYTES - LEAD_BYTES else 0
        self._hit = hit
        self._offset = 0
        self.column = 1
        self.text_column = 1
        self.kept = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the line."""
        self.column += _characters(piece[: max(0, self._hit - self._offset)])
        self.text_column += _characters(piece[: max(0, self._start - self._offset)])
        first = max(0, self._start - self._offset)
        self.kept += piece[first : first + TEXT_MAX_BYTES - len(self.kept)]
        self._offset += len(piece)


def _characters(text: bytes) -> int:
    """Return how many characters bytes are; what is no UTF-8 counts byte by byte."""
    return len(text.decode("utf-8", "surrogateescape"))


def _decoded(text: bytes) -> str:
    text = text.rstrip(b"\r\n")
    try:
        return text.decode()
    except UnicodeDecodeError:
        whole = text.decode("utf-8", "ignore")
        # Of a long line the edges may cut a character; anything else is another encoding.
        is_cut = len(text) >= TEXT_MAX_BYTES - LAST_BYTES and len(whole.encode()) >= len(text) - LAST_BYTES
        return whole if is_cut else text.decode("latin-1")


@contextmanager
def start_grep(
    repository: Path | None,
    pattern: Pattern,
    *where: str,
    cwd: Path | None = None,
) -> Iterator[Grep]:
    """Start a search that is killed at its deadline, or when the block ends.

    `where` follows the pattern: a commit and pathspecs, or `--no-index` and files below `cwd`.
    """
    arguments = ("grep", *OPTIONS, *pattern.arguments, *where)
    with bounded_git(repository, *arguments, deadline_s=DEADLINE_S, extra=LOCALE, cwd=cwd) as git:
        yield Grep(git)


def check_pattern(pattern: Pattern) -> None:
    """Raise RegexInvalid if git takes a pattern for none, or for one that needs too much memory."""
    with tempfile.TemporaryDirectory(prefix="grep-") as folder:
        (Path(folder) / "empty").touch()
        try:
            with start_grep(None, pattern, "--no-index", "--", "empty", cwd=Path(folder)) as grep:
                list(grep)
        except GitFailed as error:
            detail = "This is no POSIX extended regular expression."
            raise RegexInvalid(errors=[FieldError(detail, parameter="q")]) from error
