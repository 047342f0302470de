"""Files of a project at a ref: what a folder holds, one file."""

from dataclasses import dataclass
from pathlib import Path

from apps.projects.git.layout import published_repository
from apps.projects.models import Project
from apps.projects.reading.content import LineRange, SourceFile, read_source
from apps.projects.reading.entries import Entry, Place
from apps.projects.reading.listing import Wanted, entry_at, list_entries
from apps.projects.reading.refs import published_mirror, resolve


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An entry of a project and the commit in which it was found."""

    project: Project
    commit: str
    entry: Entry

    @property
    def repository(self) -> Path:
        """Return the repository that holds the blob."""
        return published_repository(self.project.mirror)

    def read(self, lines: LineRange) -> SourceFile:
        """Return the file with its text; at most one query; raises NotFound for a folder."""
        return read_source(self.project.mirror, self.commit, self.entry, lines)


def files_page(
    project: Project, commit: str, wanted: Wanted, *, after: Place | None, limit: int
) -> list[Entry]:
    """Return at most `limit` entries of a commit past a place; see `reading.listing.list_entries`."""
    return list_entries(published_mirror(project), commit, wanted, after=after, limit=limit)


def find_file(project: Project, ref: str, path: bytes, *, wants_facts: bool = True) -> FoundFile:
    """Return the entry of a path at a ref; at most four queries; raises NotFound, NotLinked.

    Without facts it is for whoever only reads it: the text brings them along.
    """
    commit = resolve(project, ref).commit
    entry = entry_at(published_mirror(project), commit, path, wants_facts=wants_facts)
    return FoundFile(project, commit, entry)
