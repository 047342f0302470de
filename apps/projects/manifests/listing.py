"""The entries of a tree with all facts, from what is known of its blobs and from git."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.git.processes import run_git
from apps.projects.git.trees import TreeEntry, iter_tree
from apps.projects.manifests.attributes import PathMarks, marks_of, read_attributes
from apps.projects.manifests.blobs import facts_of_blobs, read_facts
from apps.projects.manifests.globs import compile_globs
from apps.projects.manifests.languages import language_by_shebang
from apps.projects.manifests.scanners import SCANNERS
from apps.projects.manifests.values import Facts, LfsTotals, ManifestEntry
from apps.projects.states import FileKind

# Beyond these the rest is listed without what its content says.
FILES_MAX: Final = 200_000
BYTES_MAX: Final = 2 * 1024**3

_KINDS: Final = {
    "100755": FileKind.EXEC,
    "120000": FileKind.SYMLINK,
    "160000": FileKind.SUBMODULE,
}
_PLAIN: Final = frozenset({FileKind.FILE, FileKind.EXEC})


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of a commit: its id, entries sorted by the bytes of their paths, and the folders below it."""

    oid: str
    object_format: str
    files: tuple[TreeEntry, ...]
    folders: tuple[TreeEntry, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries of a manifest; `is_truncated` if the last ones lack what their content says.

    `facts` are those of all blobs that were asked for, by id.
    """

    entries: tuple[ManifestEntry, ...]
    is_truncated: bool
    lfs: LfsTotals
    facts: Mapping[str, Facts]


def read_tree(repository: Path, commit: str) -> Tree:
    """Return the tree of a commit, an empty one for no commit; raises GitFailed."""
    if not commit:
        return Tree("", "sha1", (), ())
    found = run_git(repository, "rev-parse", "--show-object-format", f"{commit}^{{tree}}").decode().split()
    object_format, oid = found
    entries = sorted(iter_tree(repository, oid, is_recursive=True), key=lambda entry: entry.path)
    return Tree(
        oid,
        object_format,
        tuple(entry for entry in entries if entry.type != "tree"),
        tuple(entry for entry in entries if entry.type == "tree"),
    )


def list_entries(
    organization_id: uuid.UUID,
    repository: Path,
    tree: Tree,
    *,
    exclude_globs: Sequence[str],
    beat: Callable[[], object],
    is_fresh: bool = False,
) -> Listing:
    """Return the entries of a tree; facts that nobody knew are learnt and kept on the way.

    With `is_fresh` all are learnt anew and none is kept. Raises GitFailed.
    """
    names = _names(repository, tree, tuple(exclude_globs))
    readable = readable_count(tree.files)
    wanted: dict[str, list[PathMarks]] = {}
    for entry, name in zip(tree.files[:readable], names, strict=False):
        if entry.type == "blob":
            wanted.setdefault(entry.oid, []).append(name)

    def languages_of(blob: str, shebang: str) -> frozenset[str]:
        return frozenset({_language(name, shebang) for name in wanted[blob]} & SCANNERS.keys())

    if is_fresh:
        facts = dict(read_facts(repository, tuple(wanted), languages_of, beat))
    else:
        facts = facts_of_blobs(organization_id, repository, tuple(wanted), languages_of, beat)
    entries = tuple(
        _entry(entry, name, facts.get(entry.oid) if place < readable else None)
        for place, (entry, name) in enumerate(zip(tree.files, names, strict=True))
    )
    return Listing(entries, readable < len(tree.files), _lfs_totals(entries, facts), facts)


def readable_count(files: Sequence[TreeEntry]) -> int:
    """Return how many of the first files are read before one of the limits is met."""
    size_bytes = 0
    for place, entry in enumerate(files[:FILES_MAX]):
        size_bytes += entry.size_bytes or 0
        if size_bytes > BYTES_MAX:
            return place
    return min(len(files), FILES_MAX)


def _names(repository: Path, tree: Tree, exclude_globs: tuple[str, ...]) -> list[PathMarks]:
    attributes = read_attributes(repository, tree.files)
    excluded = compile_globs(exclude_globs)
    return [marks_of(entry.path, attributes, excluded) for entry in tree.files]


def _language(marks: PathMarks, shebang: str) -> str:
    return marks.language or language_by_shebang(shebang)


def _entry(entry: TreeEntry, marks: PathMarks, facts: Facts | None) -> ManifestEntry:
    kind = _KINDS.get(entry.mode, FileKind.FILE)
    if facts is not None and facts.lfs_size_bytes is not None and kind in _PLAIN:
        kind = FileKind.LFS
    # A link's text, a pointer's text and a submodule are no code: of them nothing more is said.
    said = facts if facts is not None and kind in _PLAIN else None
    language = _language(marks, said.shebang if said else "") if kind in _PLAIN else ""
    return ManifestEntry(
        path=entry.path,
        mode=entry.mode,
        kind=kind,
        blob=entry.oid,
        size_bytes=entry.size_bytes,
        sha256=facts.sha256.hex() if facts else "",
        lines=said.lines if said else None,
        language=language,
        encoding=said.encoding if said else "",
        eol=said.eol if said and not said.is_binary else "",
        is_binary=said.is_binary if said else False,
        is_generated=marks.is_generated,
        is_vendored=marks.is_vendored,
        is_excluded=marks.is_excluded,
        symbols=said.symbols.get(language, "") if said else "",
    )


def _lfs_totals(entries: Sequence[ManifestEntry], facts: Mapping[str, Facts]) -> LfsTotals:
    found = [facts[entry.blob] for entry in entries if entry.kind == FileKind.LFS]
    return {"files": len(found), "bytes": sum(fact.lfs_size_bytes or 0 for fact in found)}
