"""One entry of a tree, as listings and files show it, whichever source it was read from."""

from dataclasses import dataclass
from typing import Final

from apps.projects.git.trees import TreeEntry
from apps.projects.reading.paths import path_key, shown_name, shown_path
from apps.projects.states import FileKind

LINK_MODE: Final = "120000"
KINDS: Final = {
    "040000": FileKind.DIR,
    LINK_MODE: FileKind.SYMLINK,
    "160000": FileKind.SUBMODULE,
    "100755": FileKind.EXEC,
}
PLAIN: Final = frozenset({FileKind.FILE, FileKind.EXEC})

# Where an entry stands in a listing: folders first, then by bytes.
Place = tuple[bool, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder, file, link or submodule of a commit's tree.

    `language`, `lines` and `is_binary` are None where nothing is known of the blob yet. `target` is a link's
    text, which is never followed, or a submodule's commit.
    """

    path: bytes
    kind: FileKind
    mode: str
    blob_id: str
    size_bytes: int | None = None
    language: str | None = None
    lines: int | None = None
    is_binary: bool | None = None
    is_generated: bool = False
    is_vendored: bool = False
    target: str | None = None

    @property
    def place(self) -> Place:
        """Return where the entry stands in its listing."""
        return self.kind is not FileKind.DIR, self.path

    @property
    def name(self) -> str:
        """Return the last part of the path for people."""
        return shown_name(self.path)

    @property
    def shown_path(self) -> str | None:
        """Return the path as text, None if it is not UTF-8."""
        return shown_path(self.path)

    @property
    def path_key(self) -> str:
        """Return the key that names the path whatever its bytes are."""
        return path_key(self.path)

    @property
    def is_readable(self) -> bool:
        """Tell whether the blob holds the file's own bytes."""
        return self.kind in PLAIN

    @property
    def is_file(self) -> bool:
        """Tell whether the entry is a file, perhaps only a pointer to one."""
        return self.is_readable or self.kind is FileKind.LFS


def entry_of_tree(found: TreeEntry) -> Entry:
    """Return the entry of what `git ls-tree` lists, before anything is known of its blob."""
    kind = KINDS.get(found.mode, FileKind.FILE)
    return Entry(found.path, kind, found.mode, found.oid, found.size_bytes)
