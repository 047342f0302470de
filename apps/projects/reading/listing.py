"""Listings of a commit's tree: from the rows of the published head, from git for every other commit.

A publication may come between two statements. The rows are therefore read together with the commit they
belong to, in one statement; where that is another one by now, git still has the commit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from apps.common.errors import NotFound
from apps.common.prepared import Prepared
from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.git.trees import iter_tree
from apps.projects.models import File, Mirror
from apps.projects.reading.details import Marks, with_facts, with_peeks
from apps.projects.reading.entries import Entry, Place, entry_of_tree
from apps.projects.reading.paths import hash_of, parent_of
from apps.projects.states import FileKind

BATCH: Final = 200
PLACE_NAMES: Final = ("organization", "project", "commit")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries a listing shows: those of a folder or all below it, by kind and language if named."""

    folder: bytes = b""
    is_recursive: bool = False
    kinds: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Tell whether all entries of one folder are wanted."""
        return not (self.is_recursive or self.kinds or self.languages)

    def takes(self, entry: Entry) -> bool:
        """Tell whether an entry of the folder is wanted."""
        is_kind = not self.kinds or entry.kind in self.kinds
        return is_kind and (not self.languages or entry.language in self.languages)


def list_entries(
    mirror: Mirror, commit: str, wanted: Wanted, *, after: Place | None, limit: int
) -> list[Entry]:
    """Return at most `limit` entries past a place, folders first, then by bytes.

    Issues two to three queries, more where filters pick from a commit that is not the published head.
    Raises NotFound if there is no such folder; without a commit the root alone is there, and empty.
    """
    if not commit:
        if wanted.folder:
            raise NotFound
        return []
    repository = published_repository(mirror)
    if commit == mirror.head_commit:
        entries = _published(mirror, commit, wanted, after, limit)
        if entries or _has_folder(mirror, commit, wanted.folder):
            return with_peeks(repository, with_facts(mirror, entries))
        if _has_folder(mirror, commit, b""):
            # The rows are the whole tree: git would find no more than they do.
            raise NotFound
    found = _of_tree(mirror, repository, commit, wanted, after)
    return list(islice(found, limit))


def entry_at(mirror: Mirror, commit: str, path: bytes, *, wants_facts: bool = True) -> Entry:
    """Return the entry of a path; at most two queries; raises NotFound.

    Without facts what only the file's own bytes tell is left out, for whoever reads them next.
    """
    if not commit or not path:
        raise NotFound
    repository = published_repository(mirror)
    if commit == mirror.head_commit:
        row = FILE_AT.first(**_place_of(mirror, commit), path_hash=hash_of(path))
        if row is not None:
            found = [_entry_of_row(row)]
            if found[0].is_readable and not wants_facts:
                return found[0]
            return with_peeks(repository, with_facts(mirror, found))[0]
        if _has_folder(mirror, commit, b""):
            raise NotFound
    for entry in _tree(repository, commit, Wanted(parent_of(path))):
        if entry.path == path:
            marks = Marks(repository, commit)
            return with_peeks(repository, with_facts(mirror, [entry], marks))[0]
    raise NotFound


def all_files(mirror: Mirror, commit: str, languages: frozenset[str] = frozenset()) -> list[bytes]:
    """Return the paths of all files, links and submodules of a commit, in the languages if any are named.

    Issues two to three queries, more where languages pick from a commit that is not the published head.
    """
    if not commit:
        return []
    if commit == mirror.head_commit:
        rows = _rows_of(mirror, commit).exclude(kind=FileKind.DIR)
        rows = rows.filter(language__in=languages) if languages else rows
        found = [bytes(path) for path in rows.order_by("path").values_list("path", flat=True)]
        if found or _has_folder(mirror, commit, b""):
            return found
    wanted = Wanted(is_recursive=True, languages=languages)
    repository = published_repository(mirror)
    if not languages:
        entries = _tree(repository, commit, wanted)
    else:
        entries = _of_tree(mirror, repository, commit, wanted, None)
    return [entry.path for entry in entries if entry.kind is not FileKind.DIR]


def _place_of(mirror: Mirror, commit: str) -> dict[str, Any]:
    return {"organization": mirror.organization_id, "project": mirror.project_id, "commit": commit}


def _rows_of(mirror: Mirror, commit: str) -> QuerySet[File]:
    """Return the rows of the published tree, none if another commit is published by now."""
    return _published_rows(**_place_of(mirror, commit))


def _published_rows(organization: Any, project: Any, commit: Any) -> QuerySet[File]:
    rows: QuerySet[File] = File.objects.filter(
        organization_id=organization, project_id=project, project__mirror__head_commit=commit
    )
    return rows


# What most reads ask, turned into SQL once.
FILE_AT: Final = Prepared(
    lambda path_hash, **place: _published_rows(**place).filter(path_hash=path_hash),
    *PLACE_NAMES,
    "path_hash",
)


@cache
def first_page(limit: int) -> Prepared[File]:
    """Return the look-up of the first entries of a folder; page sizes are few, so this is bounded."""
    return Prepared(
        lambda parent_hash, **place: (
            _published_rows(**place).filter(parent_hash=parent_hash).order_by("ordinal")[:limit]
        ),
        *PLACE_NAMES,
        "parent_hash",
    )


def _published(mirror: Mirror, commit: str, wanted: Wanted, after: Place | None, limit: int) -> list[Entry]:
    if wanted.is_plain and after is None:
        page = first_page(limit).rows(**_place_of(mirror, commit), parent_hash=hash_of(wanted.folder))
        return [_entry_of_row(row) for row in page]
    rows = _rows_of(mirror, commit)
    if not wanted.is_recursive:
        rows = rows.filter(parent_hash=hash_of(wanted.folder))
    elif wanted.folder:
        # Everything between `folder/` and what follows the last possible name in it.
        rows = rows.filter(path__gt=wanted.folder + b"/", path__lt=wanted.folder + b"0")
    if wanted.kinds:
        rows = rows.filter(kind__in=wanted.kinds)
    if wanted.languages:
        rows = rows.filter(language__in=wanted.languages)
    if after is None and not wanted.is_recursive:
        # The usual case, by the index: `ordinal` is the place in the folder.
        return [_entry_of_row(row) for row in rows.order_by("ordinal")[:limit]]
    is_file = Case(
        When(kind=FileKind.DIR, then=Value(False)), default=Value(True), output_field=BooleanField()
    )
    rows = rows.annotate(is_file=is_file)
    if after is not None:
        rows = rows.filter(Q(is_file__gt=after[0]) | Q(is_file=after[0], path__gt=after[1]))
    return [_entry_of_row(row) for row in rows.order_by("is_file", "path")[:limit]]


def _has_folder(mirror: Mirror, commit: str, folder: bytes) -> bool:
    rows = _rows_of(mirror, commit)
    if folder:
        rows = rows.filter(path_hash=hash_of(folder), kind=FileKind.DIR)
    return rows.exists()


def _entry_of_row(row: File) -> Entry:
    return Entry(
        path=bytes(row.path),
        kind=FileKind(row.kind),
        mode=row.mode,
        blob_id=row.blob,
        size_bytes=row.size_bytes,
        language=row.language or None,
        is_generated=row.is_generated,
        is_vendored=row.is_vendored,
    )


def _tree(repository: Path, commit: str, wanted: Wanted) -> Iterator[Entry]:
    """Yield what git lists; raises NotFound if there is no such folder."""
    try:
        listed = iter_tree(repository, commit, path=wanted.folder, is_recursive=wanted.is_recursive)
        yield from map(entry_of_tree, listed)
    except GitFailed as error:
        raise NotFound from error


def _of_tree(
    mirror: Mirror, repository: Path, commit: str, wanted: Wanted, after: Place | None
) -> Iterator[Entry]:
    listed = sorted(_tree(repository, commit, wanted), key=lambda entry: entry.place)
    rest = [entry for entry in listed if after is None or entry.place > after]
    marks = Marks(repository, commit)
    for start in range(0, len(rest), BATCH):
        known = with_peeks(repository, with_facts(mirror, rest[start : start + BATCH], marks))
        yield from filter(wanted.takes, known)
