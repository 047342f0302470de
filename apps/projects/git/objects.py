"""Objects of one repository, read through one long-lived `git cat-file --batch-command`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import IO, Final

from apps.projects.errors import GitFailed
from apps.projects.git.processes import open_git

CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """What an object is: its full id, `blob`, `tree`, `commit` or `tag`, and its size in bytes."""

    oid: str
    type: str
    size_bytes: int


class ObjectReader:
    """Reads headers and contents. One thread, one request at a time.

    Names go in as they are: callers pass full ids, or names that they took from the database.
    """

    def __init__(self, process: "Popen[bytes]") -> None:
        requests, answers = process.stdin, process.stdout
        assert requests is not None  # noqa: S101 - open_git always gives pipes
        assert answers is not None  # noqa: S101
        self._requests: IO[bytes] = requests
        self._answers: IO[bytes] = answers
        # Whether the last answer was read to its end.
        self.is_at_rest = True

    def header(self, name: str) -> ObjectHeader | None:
        """Return an object's header; None if there is no such object."""
        header = self._ask("info", name)
        self.is_at_rest = True
        return header

    def contents(self, name: str, *, max_bytes: int) -> bytes | None:
        """Return an object's bytes; None if there is no such object; raises GitFailed beyond `max_bytes`.

        One request: nothing else can be asked once it was too large.
        """
        header = self._ask("contents", name)
        if header is None:
            return None
        if header.size_bytes > max_bytes:
            raise GitFailed(f"An object is larger than {max_bytes} bytes.")
        return b"".join(self._answer(header))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in pieces; read to the end before anything else is asked.

        Raises GitFailed if there is no such object.
        """
        header = self._ask("contents", name)
        if header is None:
            raise GitFailed("An object is missing.")
        yield from self._answer(header)

    def _answer(self, header: ObjectHeader) -> Iterator[bytes]:
        """Yield what follows a header in the answer to a request for contents."""
        left = header.size_bytes
        while left:
            piece = self._answers.read(min(left, CHUNK_BYTES))
            if not piece:
                raise GitFailed("git ended in the middle of an object.")
            left -= len(piece)
            yield piece
        self._answers.read(1)  # the line end after the object
        self.is_at_rest = True

    def _ask(self, command: str, name: str) -> ObjectHeader | None:
        """Send a request and return the header of its answer, None where there is no such object."""
        if "\n" in name or not name:
            raise GitFailed("This is no name of an object.")
        self.is_at_rest = False
        try:
            self._requests.write(f"{command} {name}\n".encode())
            self._requests.flush()
        except BrokenPipeError as error:
            raise GitFailed("git has ended.") from error
        header = self._header()
        self.is_at_rest = header is None
        return header

    def _header(self) -> ObjectHeader | None:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise GitFailed("git ended without an answer.")
        parts = line.split()
        if len(parts) != 3 or not parts[2].isdigit():  # noqa: PLR2004 - id, type, size; else `<name> missing`
            return None
        return ObjectHeader(parts[0].decode(), parts[1].decode(), int(parts[2]))


@contextmanager
def open_objects(repository: Path) -> Iterator[ObjectReader]:
    """Give a reader of a repository's objects while the block runs; raises GitMissing."""
    with open_git(repository, "cat-file", "--batch-command") as process:
        yield ObjectReader(process)
