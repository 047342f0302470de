"""The entries of a commit's tree, as `git ls-tree` lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from apps.projects.errors import GitFailed
from apps.projects.git.processes import open_git

READ_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry: mode as git writes it (say `100644`), type, id, size of a blob, path from the root."""

    mode: str
    type: str
    oid: str
    size_bytes: int | None
    path: bytes


def iter_tree(
    repository: Path, tree: str, *, path: bytes = b"", is_recursive: bool = False, has_trees: bool = True
) -> Iterator[TreeEntry]:
    """Yield the entries of a tree-ish (a full id), or of the folder `path` in it, in git's order.

    With `is_recursive` all below it, folders among them if `has_trees`. Raises GitFailed for what is no tree.
    """
    name = tree if not path else f"{tree}:{path.decode('utf-8', 'surrogateescape')}"
    options = ["-r"] if is_recursive else []
    options += ["-t"] if is_recursive and has_trees else []
    arguments = ("ls-tree", "-z", "-l", "--full-tree", *options, name)
    with open_git(repository, *arguments) as process:
        assert process.stdout is not None  # noqa: S101 - open_git always gives pipes
        prefix = path + b"/" if path else b""
        for line in _zero_ended(process.stdout):
            yield _entry(line, prefix)
        if process.wait() != 0:
            raise GitFailed(f"git ls-tree ended with {process.returncode}.")


def _zero_ended(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(READ_BYTES):
        *lines, rest = (rest + piece).split(b"\0")
        yield from lines
    if rest:
        raise GitFailed("git ls-tree ended in the middle of an entry.")


def _entry(line: bytes, prefix: bytes) -> TreeEntry:
    head, _, path = line.partition(b"\t")
    mode, kind, oid, size = head.split()
    return TreeEntry(
        mode=mode.decode(),
        type=kind.decode(),
        oid=oid.decode(),
        # git says BAD of a blob that is missing, as of a damaged or incomplete remote.
        size_bytes=int(size) if size.isdigit() else None,
        path=prefix + path,
    )
