"""The commits of a repository, as `git log` walks them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.reading.bounded import bounded_output

DEADLINE_S: Final = 10.0
OUTPUT_MAX_BYTES: Final = 32 * 1024**2
SUBJECT_MAX_CHARS: Final = 1_000
NAME_MAX_CHARS: Final = 300
BODY_MAX_CHARS: Final = 64 * 1024
OPTIONS: Final = (
    "-z",
    "--no-color",
    "--no-decorate",
    "--no-mailmap",
    "--no-notes",
    "--no-show-signature",
    "--encoding=UTF-8",
)
FIELDS: Final = ("%H", "%P", "%an", "%ae", "%at", "%ct", "%s", "%b")
EPOCH: Final = dt.datetime.fromtimestamp(0, dt.UTC)


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a commit, in the words of whoever made it."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; `parents` are full ids, the first one that of the branch it was made on."""

    id: str
    parents: tuple[str, ...]
    author: Author
    authored_at: dt.datetime
    committed_at: dt.datetime
    subject: str
    body: str = ""


def list_commits(repository: Path, start: str, *, path: bytes, skip: int, limit: int) -> list[Commit]:
    """Return commits from `start` (a full id) back, newest first; with a path those that changed it.

    Raises ReadingTooLong, GitFailed.
    """
    return list(_walk(repository, start, path, f"--skip={skip}", f"--max-count={limit}"))


def read_commit(repository: Path, commit: str) -> Commit:
    """Return one commit by its full id; raises GitFailed."""
    (found,) = _walk(repository, commit, b"", "--max-count=1", has_body=True)
    return found


def _walk(
    repository: Path, start: str, path: bytes, *options: str, has_body: bool = False
) -> Iterator[Commit]:
    wanted = FIELDS if has_body else FIELDS[:-1]
    arguments = ["log", *OPTIONS, f"--format={'%x00'.join(wanted)}", *options, start, "--"]
    arguments += [literal_pathspec(path)] if path else []
    output = bounded_output(repository, *arguments, deadline_s=DEADLINE_S, max_bytes=OUTPUT_MAX_BYTES)
    fields = [field.decode("utf-8", "replace") for field in output.split(b"\0")]
    for place in range(0, len(fields) - len(wanted) + 1, len(wanted)):
        yield _commit(fields[place : place + len(wanted)])


def literal_pathspec(path: bytes) -> str:
    """Return a path as git takes it in place of a pattern: nothing in it is special."""
    return f":(top,literal){path.decode('utf-8', 'surrogateescape')}"


def _commit(fields: Sequence[str]) -> Commit:
    oid, parents, name, email, authored, committed, subject, *body = fields
    return Commit(
        id=oid,
        parents=tuple(parents.split()),
        author=Author(name[:NAME_MAX_CHARS], email[:NAME_MAX_CHARS]),
        authored_at=_instant(authored),
        committed_at=_instant(committed),
        subject=subject[:SUBJECT_MAX_CHARS],
        body="".join(body)[:BODY_MAX_CHARS].rstrip("\n"),
    )


def _instant(text: str) -> dt.datetime:
    """Return an instant; a commit may claim any, and what no calendar has reads as the epoch, as in git."""
    try:
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    except (ValueError, OverflowError, OSError):
        return EPOCH
