"""The tree and the patch of changed files, made in a folder of their own: the repository is only read.

Beside `proposing` and not in `renaming`, because git does the work here.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.git.processes import run_git

GIT_TIMEOUT_S: Final = 60.0
DELETED: Final = b"0 " + b"0" * 40
# As `git diff` writes it by itself; named, so that no configuration changes it.
DIFF: Final = (
    "diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv",
    "--src-prefix=a/", "--dst-prefix=b/", "--find-renames",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileChange:
    """The new content of a file; `new_path` is set where the file moves; `mode` as git writes it."""

    path: bytes
    mode: str
    content: bytes
    new_path: bytes = b""


@dataclass(frozen=True, slots=True)
class Patch:
    """A tree and how the base becomes it: the bytes of `git diff --binary --full-index`."""

    tree_id: str
    content: bytes

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the bytes."""
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Workbench:
    """A repository with an index of its own; `environment` goes to every call of git."""

    repository: Path
    folder: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Return what git writes; raises GitFailed."""
        return run_git(
            self.repository, *arguments, stdin=stdin, extra=self.environment, timeout_s=GIT_TIMEOUT_S
        )


@contextmanager
def open_workbench(repository: Path, *, writes: bool) -> Iterator[Workbench]:
    """Give a temporary index; new objects go to the repository if it `writes`, else away with the index."""
    with tempfile.TemporaryDirectory(prefix="proposal-") as name:
        folder = Path(name)
        environment = {"GIT_INDEX_FILE": str(folder / "index")}
        if not writes:
            (folder / "objects").mkdir()
            environment |= {
                "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository / "objects"),
            }
        yield Workbench(repository, folder, environment)


def make_patch(repository: Path, base_commit: str, changes: Sequence[FileChange]) -> Patch:
    """Return the tree and the patch of some changed files of a commit; raises GitFailed."""
    with open_workbench(repository, writes=False) as bench:
        bench.git("read-tree", base_commit)
        bench.git("update-index", "-z", "--index-info", stdin=b"".join(_index_lines(bench, changes)))
        tree_id = bench.git("write-tree").decode().strip()
        return Patch(tree_id, bench.git(*DIFF, f"{base_commit}^{{tree}}", tree_id))


def _index_lines(bench: Workbench, changes: Sequence[FileChange]) -> Iterator[bytes]:
    for change, blob in zip(changes, _store_blobs(bench, changes), strict=True):
        if change.new_path:
            yield DELETED + b"\t" + change.path + b"\0"
        yield f"{change.mode} {blob}\t".encode() + (change.new_path or change.path) + b"\0"


def _store_blobs(bench: Workbench, changes: Sequence[FileChange]) -> list[str]:
    """Return the ids of the new contents, stored as they are: no filter and no line ends are applied."""
    paths = []
    for number, change in enumerate(changes):
        path = bench.folder / f"blob-{number}"
        path.write_bytes(change.content)
        paths.append(str(path))
    listed = "".join(f"{path}\n" for path in paths).encode()
    return bench.git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed).decode().split()
