"""`git grep` over hostile input: bounded in time, memory and output, its lines read one by one.

What is searched for is one argument after `-e`, where is `--` or a full id: nothing of it is ever an option.
"""

import os
import re
import resource
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import IO, Final

from apps.common.errors import FieldError, Invalid
from apps.projects.errors import GitFailed
from apps.projects.git.processes import open_git

DEADLINE_S: Final = 5.0
# Heap of the process. Packs are mapped from files and do not count; an expression that explodes does.
MEMORY_MAX_BYTES: Final = 512 * 1024**2
PIECE_BYTES: Final = 64 * 1024
HEAD_MAX_BYTES: Final = 8 * 1024
TEXT_MAX_BYTES: Final = 1_000
# Of a long line so much is shown before the hit.
LEAD_BYTES: Final = 200
# Expressions know characters, not bytes.
LOCALE: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
# A newer git takes attributes from HEAD; what names no tree counts as an empty one.
SETTINGS: Final = ("grep.threads=2", "attr.tree=0000000000000000000000000000000000000000")
FOUND_NOTHING: Final = 1
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

    def __init__(self, process: "Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - open_git always gives pipes
        self._stream: IO[bytes] = process.stdout
        self._process = process
        self.is_late = False

    def stop(self) -> None:
        """Kill the search: its time is over."""
        self.is_late = True
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(self._process.pid, signal.SIGKILL)

    def __iter__(self) -> Iterator[GrepLine | None]:
        """Yield lines, None where the next one does not follow the last; raises GitFailed at the end."""
        while head := self._head():
            yield None if head == b"--\n" else self._line(head)
        code = self._process.wait()
        if not self.is_late and code not in {0, FOUND_NOTHING}:
            raise GitFailed(f"git grep ended with {code}.")

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
    with open_git(repository, *arguments, extra=LOCALE, more=SETTINGS, cwd=cwd) as process:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
        grep = Grep(process)
        timer = threading.Timer(DEADLINE_S, grep.stop)
        timer.start()
        try:
            yield grep
        finally:
            timer.cancel()


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
