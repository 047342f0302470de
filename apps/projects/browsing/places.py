"""A project at a ref, as somebody browses it: which refs there are, and where links lead."""

import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from django.urls import reverse

from apps.projects.models import Project, Ref
from apps.projects.reading.paths import path_key, shown_name, shown_path
from apps.projects.reading.refs import resolve
from apps.projects.states import RefKind

REFS_SHOWN: Final = 200
SHORT_ID: Final = 8


@dataclass(frozen=True, slots=True)
class Crumb:
    """A part of a path and the page of the folder (or file) it ends."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class RefChoice:
    """A branch or tag that a page can be switched to."""

    name: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A project at a ref as the address names it (empty: the published head); `commit` empty is none."""

    project: Project
    ref: str
    commit: str
    name: str

    @property
    def short_commit(self) -> str:
        """Return the first digits of the commit."""
        return self.commit[:SHORT_ID]

    @property
    def label(self) -> str:
        """Return the ref for people: a branch by its name alone, an id shortened."""
        if self.name == self.commit:
            return self.short_commit
        return self.name.removeprefix("heads/").removeprefix("tags/")

    @property
    def root_address(self) -> str:
        """Return the page of the root."""
        return self.address(b"")

    def address(self, path: bytes, ref: str | None = None) -> str:
        """Return the page of a folder or file, here or at another ref."""
        return _with_query(files_address(self.project.pk, path), ref=self.ref if ref is None else ref)

    def raw_address(self, path: bytes) -> str:
        """Return the download of a file."""
        shown = shown_path(path)
        if shown is None:
            door = reverse("project-raw-by-key", args=[self.project.pk, path_key(path)])
        else:
            door = reverse("project-raw", args=[self.project.pk, "_"]).removesuffix("_") + quote(shown)
        return _with_query(door, ref=self.ref)

    def page(self, name: str, **query: str) -> str:
        """Return one of the project's other pages at the same ref, as `commits`."""
        return _with_query(reverse(f"projects:{name}", args=[self.project.pk]), ref=self.ref, **query)

    def history_address(self, path: bytes) -> str:
        """Return the commits that changed a path; all of them where a path is no text."""
        return self.page("commits", path=shown_path(path) or "")

    def crumbs(self, path: bytes) -> list[Crumb]:
        """Return the folders that lead to a path, and the path itself last."""
        parts = path.split(b"/") if path else []
        paths = [b"/".join(parts[: place + 1]) for place in range(len(parts))]
        return [Crumb(shown_name(each), self.address(each)) for each in paths]

    def choices(self) -> tuple[list[RefChoice], list[RefChoice]]:
        """Return branches and tags, the first of each by name; two queries."""
        return self._choices(RefKind.BRANCH), self._choices(RefKind.TAG)

    def _choices(self, kind: RefKind) -> list[RefChoice]:
        rows = Ref.objects.filter(
            organization_id=self.project.organization_id, project=self.project, kind=kind
        )
        names = rows.order_by("name").values_list("name", flat=True)[:REFS_SHOWN]
        return [RefChoice(name, name.partition("/")[2], name == self.name) for name in names]


def open_place(project: Project, ref: str) -> Place:
    """Return a project at a ref; raises NotFound, NotLinked."""
    found = resolve(project, ref)
    return Place(project, ref, found.commit, found.name)


def files_address(project_id: uuid.UUID, path: bytes) -> str:
    """Return the page of a folder or file by its path, by its key where an address cannot hold the path."""
    root = reverse("projects:files", args=[project_id])
    if not path:
        return root
    shown = shown_path(path)
    if shown is None or not shown.isprintable():
        return reverse("projects:file-by-key", args=[project_id, path_key(path)])
    return root + quote(shown)


def _with_query(address: str, **query: str) -> str:
    text = urlencode({name: value for name, value in query.items() if value})
    return f"{address}?{text}" if text else address
