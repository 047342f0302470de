"""What differs between two trees, file by file, with counts of lines."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.db.models import TextChoices

from apps.projects.errors import GitFailed
from apps.projects.reading.bounded import ReadingTooLong, bounded_git
from apps.projects.reading.history import literal_pathspec
from apps.projects.reading.paths import path_key, shown_path

DEADLINE_S: Final = 10.0
LIST_MAX_BYTES: Final = 64 * 1024**2
RENAMES_MAX: Final = 400
EMPTY_TREES: Final = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
DIFF_OPTIONS: Final = (
    "-r",
    "-z",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-commit-id",
    "--ignore-submodules=none",
    "--full-index",
    "-M50%",
    f"-l{RENAMES_MAX}",
)


class ChangeStatus(TextChoices):
    """What happened to a file."""

    ADDED = "added"
    DELETED = "deleted"
    MODIFIED = "modified"
    RENAMED = "renamed"
    TYPE_CHANGED = "type_changed"


STATUSES: Final = {
    "A": ChangeStatus.ADDED,
    "D": ChangeStatus.DELETED,
    "M": ChangeStatus.MODIFIED,
    "R": ChangeStatus.RENAMED,
    "T": ChangeStatus.TYPE_CHANGED,
}


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that differs; `old_path` is set for what was renamed.

    Counts are None for what is binary, and where there was no time to count.
    """

    status: ChangeStatus
    path: bytes
    old_path: bytes | None = None
    additions: int | None = None
    deletions: int | None = None
    is_binary: bool | None = None

    @property
    def shown_path(self) -> str | None:
        """Return the path as text, None if it is not UTF-8."""
        return shown_path(self.path)

    @property
    def path_key(self) -> str:
        """Return the key that names the path whatever its bytes are."""
        return path_key(self.path)

    @property
    def shown_old_path(self) -> str | None:
        """Return the old path as text, None if there is none or it is not UTF-8."""
        return shown_path(self.old_path) if self.old_path is not None else None


def empty_tree_like(commit: str) -> str:
    """Return the id of the empty tree in the object format of a full id."""
    return EMPTY_TREES[len(commit)]


def diff_arguments(base: str, head: str, path: bytes, *formats: str) -> list[str]:
    """Return a call of `git diff-tree` of two full ids, below a path if there is one."""
    where = [literal_pathspec(path)] if path else []
    return ["diff-tree", *DIFF_OPTIONS, *formats, base, head, "--", *where]


def list_changes(
    repository: Path, base: str, head: str, *, path: bytes = b"", has_counts: bool
) -> list[ChangedFile]:
    """Return what differs from `base` to `head` (full ids), by the bytes of paths.

    Raises ReadingTooLong where not even the names are there in time, GitFailed.
    """
    formats = ("--raw", "--numstat") if has_counts else ("--raw",)
    with bounded_git(repository, *diff_arguments(base, head, path, *formats), deadline_s=DEADLINE_S) as git:
        output = git.stream.read(LIST_MAX_BYTES + 1)
        git.end()
        if len(output) > LIST_MAX_BYTES or (git.is_late and not has_counts):
            raise ReadingTooLong
    tokens = iter(output.split(b"\0"))
    changes, following = _raw_changes(tokens)
    if not changes and git.is_late:
        raise ReadingTooLong
    return _with_counts(changes, tokens, following)


def _raw_changes(tokens: Iterator[bytes]) -> tuple[list[ChangedFile], bytes]:
    """Return the changes that `--raw` lists, and the token after them."""
    found = []
    token = next(tokens, b"")
    while token.startswith(b":"):
        letter = token.split(b" ")[-1][:1].decode()
        status = STATUSES.get(letter)
        if status is None:
            raise GitFailed("git names a change that is not known.")
        first = next(tokens, b"")
        is_rename = status is ChangeStatus.RENAMED
        path = next(tokens, b"") if is_rename else first
        found.append(ChangedFile(status, path, first if is_rename else None))
        token = next(tokens, b"")
    return found, token


def _with_counts(changes: list[ChangedFile], tokens: Iterator[bytes], token: bytes) -> list[ChangedFile]:
    """Return the changes with what `--numstat` says, as far as it came."""
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    while token:
        added, _, rest = token.partition(b"\t")
        removed, _, path = rest.partition(b"\t")
        if not path:  # a rename: both paths follow
            next(tokens, b"")
            path = next(tokens, b"")
        counts[path] = (added, removed)
        token = next(tokens, b"")
    return [_counted(change, counts.get(change.path)) for change in changes]


def _counted(change: ChangedFile, counts: tuple[bytes, bytes] | None) -> ChangedFile:
    if counts is None:
        return change
    if counts[0] == b"-":
        return replace(change, is_binary=True)
    return replace(change, additions=int(counts[0]), deletions=int(counts[1]), is_binary=False)
