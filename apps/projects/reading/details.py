"""What is known of entries beyond their place in the tree: facts of blobs, marks of names, a look inside."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from apps.projects.git.objects import ObjectReader
from apps.projects.git.readers import borrow_objects
from apps.projects.git.trees import iter_tree
from apps.projects.manifests.attributes import Attributes, PathMarks, marks_of, read_attributes
from apps.projects.manifests.facts import LFS_POINTER_MAX_BYTES, lfs_size_of
from apps.projects.manifests.globs import NOTHING
from apps.projects.manifests.kept import ShownFacts, shown_facts
from apps.projects.manifests.languages import language_by_shebang
from apps.projects.models import Mirror
from apps.projects.reading.entries import Entry
from apps.projects.reading.paths import PATH_MAX_BYTES
from apps.projects.states import FileKind


class Marks:
    """What names say in one commit: language, generated, vendored. Its .gitattributes is read when needed."""

    def __init__(self, repository: Path, commit: str) -> None:
        self._repository = repository
        self._commit = commit

    def of(self, path: bytes) -> PathMarks:
        """Return what a path says of its file."""
        return marks_of(path, self._attributes, NOTHING)

    @cached_property
    def _attributes(self) -> Attributes:
        return read_attributes(self._repository, list(iter_tree(self._repository, self._commit)))


def with_facts(mirror: Mirror, entries: Sequence[Entry], marks: Marks | None = None) -> list[Entry]:
    """Return the entries with what is known of their blobs; one query.

    `marks` says what their names mean where the entries come from git, and no row has told it.
    """
    blobs = {entry.blob_id for entry in entries if entry.is_file}
    facts = shown_facts(mirror.organization_id, sorted(blobs))
    return [
        _with_fact(entry, facts.get(entry.blob_id), marks) if entry.is_file else entry for entry in entries
    ]


def _with_fact(entry: Entry, fact: ShownFacts | None, marks: Marks | None) -> Entry:
    if marks is not None:
        named = marks.of(entry.path)
        entry = replace(entry, is_generated=named.is_generated, is_vendored=named.is_vendored)
    if fact is None:
        return entry
    if fact.lfs_size_bytes is not None:
        return replace(entry, kind=FileKind.LFS, is_binary=fact.is_binary)
    language = entry.language
    if marks is not None:
        language = named.language or language_by_shebang(fact.shebang) or None
    return replace(entry, language=language, lines=fact.lines, is_binary=fact.is_binary)


def with_peeks(repository: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with what only their blobs tell: targets, and which files are LFS pointers.

    Starts git only if there is something to read. Files of which `is_binary` is known were looked at before.
    """
    if not any(_needs_peek(entry) for entry in entries):
        return [_with_commit(entry) for entry in entries]
    with borrow_objects(repository) as objects:
        return [_peeked(objects, entry) if _needs_peek(entry) else _with_commit(entry) for entry in entries]


def _needs_peek(entry: Entry) -> bool:
    if entry.kind is FileKind.SYMLINK:
        return True
    is_small = entry.size_bytes is not None and 0 < entry.size_bytes <= LFS_POINTER_MAX_BYTES
    return entry.is_readable and entry.is_binary is None and is_small


def _peeked(objects: ObjectReader, entry: Entry) -> Entry:
    if entry.size_bytes is None or entry.size_bytes > PATH_MAX_BYTES:
        return entry
    content = objects.contents(entry.blob_id, max_bytes=PATH_MAX_BYTES)
    if content is None:
        return entry
    if entry.kind is FileKind.SYMLINK:
        return replace(entry, target=content.decode("utf-8", "replace"))
    return replace(entry, kind=FileKind.LFS) if lfs_size_of(content) is not None else entry


def _with_commit(entry: Entry) -> Entry:
    return replace(entry, target=entry.blob_id) if entry.kind is FileKind.SUBMODULE else entry
