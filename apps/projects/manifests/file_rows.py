"""The rows of the published tree, switched by what differs."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from django.db import connection

from apps.projects.git.trees import TreeEntry
from apps.projects.manifests.values import ManifestEntry
from apps.projects.models import Project
from apps.projects.states import FileKind

_COLUMNS: Final = (
    "path, path_hash, parent_hash, ordinal, kind, mode, blob, size_bytes, language, is_generated,"
    " is_vendored, is_excluded"
)
READ_ROWS: Final = f"""
SELECT {_COLUMNS} FROM projects_file WHERE organization_id = %s AND project_id = %s
"""  # noqa: S608 - a list of columns
DELETE_ROWS: Final = """
DELETE FROM projects_file WHERE organization_id = %s AND project_id = %s AND path_hash = ANY(%s)
"""
COPY_ROWS: Final = f"COPY projects_file (organization_id, project_id, {_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_TYPES: Final = (
    *("uuid", "uuid", "bytea", "bytea", "bytea", "int4", "text", "text", "text", "int8", "text"),
    *("bool", "bool", "bool"),
)


class FileRow(NamedTuple):
    """One row, in the order of its columns: a tuple, as what the database gives is compared with it."""

    path: bytes
    path_hash: bytes
    parent_hash: bytes
    ordinal: int
    kind: str
    mode: str
    blob: str
    size_bytes: int | None = None
    language: str = ""
    is_generated: bool = False
    is_vendored: bool = False
    is_excluded: bool = False


def switch_files(project: Project, entries: Sequence[ManifestEntry], folders: Sequence[TreeEntry]) -> None:
    """Make the rows those of a manifest, inside the caller's transaction: what is equal stays untouched."""
    wanted = {row.path_hash: row for row in file_rows(entries, folders)}
    present = stored_rows(project.organization_id, project.pk)
    gone = [key for key, row in present.items() if wanted.get(key) != row]
    new = [row for key, row in wanted.items() if present.get(key) != row]
    place = [project.organization_id, project.pk]
    with connection.cursor() as cursor:
        if gone:
            cursor.execute(DELETE_ROWS, [*place, gone])
        if new:
            with cursor.copy(COPY_ROWS) as copy:
                copy.set_types(_TYPES)
                for row in new:
                    copy.write_row((*place, *row))


def stored_rows(organization_id: uuid.UUID, project_id: uuid.UUID) -> dict[bytes, FileRow]:
    """Return the rows that readers see, by the hash of their path; one query."""
    with connection.cursor() as cursor:
        cursor.execute(READ_ROWS, [organization_id, project_id])
        return {row[1]: FileRow(*row) for row in cursor.fetchall()}


def file_rows(entries: Sequence[ManifestEntry], folders: Sequence[TreeEntry]) -> Iterator[FileRow]:
    """Yield the rows of all entries and folders, folder by folder, in the order of a listing."""
    for folder, rows in _by_folder(entries, folders).items():
        parent_hash = sha256(folder).digest()
        rows.sort(key=lambda row: (row.kind != FileKind.DIR, row.path))
        for ordinal, row in enumerate(rows):
            path_hash = sha256(row.path).digest()
            yield row._replace(path_hash=path_hash, parent_hash=parent_hash, ordinal=ordinal)


def _by_folder(entries: Sequence[ManifestEntry], folders: Sequence[TreeEntry]) -> dict[bytes, list[FileRow]]:
    """Return the rows by the folder that they lie in, without hashes and places."""
    found: defaultdict[bytes, list[FileRow]] = defaultdict(list)
    for folder in folders:
        row = FileRow(folder.path, b"", b"", 0, FileKind.DIR.value, folder.mode, folder.oid)
        found[folder.path.rpartition(b"/")[0]].append(row)
    for entry in entries:
        row = FileRow(
            *(entry.path, b"", b"", 0, str(entry.kind), entry.mode, entry.blob, entry.size_bytes),
            *(entry.language, entry.is_generated, entry.is_vendored, entry.is_excluded),
        )
        found[entry.path.rpartition(b"/")[0]].append(row)
    return found
