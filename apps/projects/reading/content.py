"""The text of one file: decoded, whole or some of its lines; what is no text is said, not shown."""

import io
from dataclasses import dataclass, replace
from typing import Final

from django.db.models import TextChoices

from apps.common.errors import FieldError, Invalid, NotFound
from apps.projects.git.layout import published_repository
from apps.projects.git.readers import borrow_objects
from apps.projects.manifests.facts import facts_of, text_of
from apps.projects.manifests.kept import kept_facts
from apps.projects.manifests.values import Facts
from apps.projects.models import Mirror
from apps.projects.reading.entries import Entry
from apps.projects.reading.widening import widened
from apps.projects.states import FileKind

CONTENT_MAX_BYTES: Final = 5 * 1024 * 1024


class Omitted(TextChoices):
    """Why a file comes without its content."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    LFS = "lfs"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


OMITTED_KINDS: Final = {
    FileKind.LFS: Omitted.LFS,
    FileKind.SYMLINK: Omitted.SYMLINK,
    FileKind.SUBMODULE: Omitted.SUBMODULE,
}


@dataclass(frozen=True, slots=True)
class LineRange:
    """Lines from 1, both included; None is the first, the last."""

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        """Raise Invalid if the end lies before the start."""
        if self.start is not None and self.end is not None and self.end < self.start:
            raise Invalid(errors=[FieldError("The end lies before the start.", parameter="end")])

    @property
    def is_whole(self) -> bool:
        """Tell whether no line is left out."""
        return self.start is None and self.end is None


@dataclass(frozen=True, slots=True)
class SourceFile(Entry):
    """An entry with its text, unless `omitted` says why not; `first_line` is the number of its first line."""

    commit: str = ""
    encoding: str | None = None
    eol: str | None = None
    has_bom: bool = False
    content: str | None = None
    first_line: int | None = None
    omitted: Omitted | None = None


def read_source(mirror: Mirror, commit: str, entry: Entry, lines: LineRange) -> SourceFile:
    """Return an entry with its text; at most one query. Raises NotFound for a folder.

    Facts of what is too large to read are those of the last manifest that had it.
    """
    if entry.kind is FileKind.DIR:
        raise NotFound
    file = widened(SourceFile, entry, commit=commit)
    if entry.kind in OMITTED_KINDS:
        return replace(file, omitted=OMITTED_KINDS[entry.kind])
    if (entry.size_bytes or 0) > CONTENT_MAX_BYTES:
        facts = kept_facts(mirror.organization_id, [entry.blob_id]).get(entry.blob_id)
        return replace(_with_facts(file, facts), omitted=Omitted.TOO_LARGE)
    raw = _bytes_of(mirror, entry)
    facts = facts_of(raw)
    if facts.lfs_size_bytes is not None:
        return replace(file, kind=FileKind.LFS, is_binary=facts.is_binary, omitted=Omitted.LFS)
    file = _with_facts(file, facts)
    if facts.is_binary:
        return replace(file, omitted=Omitted.BINARY)
    return replace(file, content=_cut(text_of(raw, facts), lines), first_line=lines.start or 1)


def _bytes_of(mirror: Mirror, entry: Entry) -> bytes:
    with borrow_objects(published_repository(mirror)) as objects:
        raw = objects.contents(entry.blob_id, max_bytes=CONTENT_MAX_BYTES)
    if raw is None:
        raise NotFound
    return raw


def _with_facts(file: SourceFile, facts: Facts | None) -> SourceFile:
    if facts is None:
        return file
    return replace(
        file,
        lines=facts.lines,
        encoding=facts.encoding or None,
        eol=None if facts.is_binary else facts.eol,
        has_bom=facts.has_bom,
        is_binary=facts.is_binary,
    )


def _cut(text: str, lines: LineRange) -> str:
    """Return some lines of a text with the ends they have."""
    if lines.is_whole:
        return text
    return "".join(split_lines(text)[(lines.start or 1) - 1 : lines.end])


def split_lines(text: str) -> list[str]:
    """Return the lines with their ends: LF, CR LF or CR, and nothing of what else Unicode calls one."""
    return list(io.StringIO(text, newline=""))
