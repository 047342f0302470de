"""What of the base commit an analysis reads: regular text files, by what the base's manifest says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from django.core.files.storage import default_storage

from apps.projects.git.objects import ObjectReader, open_objects
from apps.projects.models import Manifest
from apps.projects.renaming.values import SourceFile, Unscanned
from apps.projects.states import FileKind, RenameMode

PYTHON: Final = "Python"
FILES_MAX: Final = 2_000
SOURCES_MAX_BYTES: Final = 20 * 1024**2
# What is only looked through for the name, and left out where it does not stand.
LOOKED_THROUGH_MAX_BYTES: Final = 200 * 1024**2
REGULAR: Final = frozenset({FileKind.FILE, FileKind.EXEC})
# ASCII is what a file happens to hold; Python reads it as UTF-8, which can hold any name.
CODECS: Final[Mapping[str, str]] = {"ascii": "utf-8", "unknown-8bit": "latin-1"}
OVER_LIMIT: Final = "limit"
NOT_THERE: Final = "missing"


@dataclass(frozen=True, slots=True)
class Listed:
    """A regular text file as a manifest lists it; paths that are no UTF-8 are left out."""

    path: str
    blob: str
    mode: str
    size_bytes: int
    encoding: str
    language: str
    is_editable: bool

    def source(self, content: bytes) -> SourceFile:
        """Return the file with its content, as an analysis takes it."""
        return SourceFile(
            path=self.path.encode(),
            blob=self.blob,
            mode=self.mode,
            content=content,
            encoding=CODECS.get(self.encoding, self.encoding or "utf-8"),
            language=self.language,
            is_editable=self.is_editable,
        )


@dataclass(frozen=True, slots=True)
class Collected:
    """What an analysis reads, and what it leaves out for want of room."""

    sources: tuple[SourceFile, ...]
    unscanned: tuple[Unscanned, ...]


def listed_files(manifest: Manifest) -> list[Listed]:
    """Return the regular text files of a manifest by path. Reads its document; issues no query."""
    with default_storage.open(manifest.storage_key, "rb") as document:
        _header, *lines = document.read().splitlines()
    return [found for line in lines if (found := _listed(orjson.loads(line))) is not None]


def _listed(entry: Mapping[str, Any]) -> Listed | None:
    if entry["kind"] not in REGULAR or entry.get("binary") or "path" not in entry:
        return None
    return Listed(
        path=entry["path"],
        blob=entry["blob"],
        mode=entry["mode"],
        size_bytes=entry.get("size", 0),
        encoding=entry.get("encoding", ""),
        language=entry.get("language", ""),
        is_editable=not (entry.get("generated") or entry.get("vendored") or entry.get("excluded")),
    )


def main_language(mode: str, path: str, files: Iterable[Listed]) -> str:
    """Return the language whose files hold the symbol: Python, or in syntactic mode that of its file."""
    if mode == RenameMode.SEMANTIC:
        return PYTHON
    return next((file.language for file in files if file.path == path), "")


def collect_sources(repository: Path, files: Sequence[Listed], *, language: str, name: str) -> Collected:
    """Return the contents of all files of a language, and of those others in which a name stands.

    An empty name stands everywhere. Files beyond the limits are unscanned; where not all of the language fit,
    those without the name are left out first. Raises GitFailed, GitMissing.
    """
    with open_objects(repository) as objects:
        return _Collecting(objects, name.encode()).collect(
            [file for file in files if file.language == language],
            [file for file in files if file.language != language],
        )


class _Collecting:
    """One walk over the files, with the room that is left."""

    def __init__(self, objects: ObjectReader, name: bytes) -> None:
        self.objects = objects
        self.name = name
        self.sources: list[SourceFile] = []
        self.unscanned: list[Unscanned] = []
        self.room_bytes = SOURCES_MAX_BYTES
        self.patience_bytes = LOOKED_THROUGH_MAX_BYTES

    def collect(self, main: Sequence[Listed], others: Iterable[Listed]) -> Collected:
        fits = len(main) <= FILES_MAX and sum(file.size_bytes for file in main) <= SOURCES_MAX_BYTES
        first = {file.path for file in main if fits or self._names(file)}
        for file in main:
            if file.path in first:
                self._take(file, needs_name=False)
        for file in others:
            self._take(file, needs_name=True)
        for file in main:
            if file.path not in first:
                self._take(file, needs_name=False)
        return Collected(tuple(self.sources), tuple(self.unscanned))

    def _names(self, file: Listed) -> bool:
        """Tell whether the name stands in a file; one that is too large to be taken is not read."""
        if file.size_bytes > SOURCES_MAX_BYTES:
            return False
        content = self.objects.contents(file.blob, max_bytes=SOURCES_MAX_BYTES)
        return content is not None and self.name in content

    def _take(self, file: Listed, *, needs_name: bool) -> None:
        allowance = self.patience_bytes if needs_name else self.room_bytes
        if file.size_bytes > allowance or len(self.sources) >= FILES_MAX:
            self._leave(file, OVER_LIMIT)
            return
        content = self.objects.contents(file.blob, max_bytes=allowance)
        if needs_name:
            self.patience_bytes -= file.size_bytes
            if content is not None and self.name not in content:
                return
        if content is None or len(content) > self.room_bytes:
            self._leave(file, NOT_THERE if content is None else OVER_LIMIT)
            return
        self.room_bytes -= len(content)
        self.sources.append(file.source(content))

    def _leave(self, file: Listed, reason: str) -> None:
        self.unscanned.append(Unscanned(file.path, reason))
