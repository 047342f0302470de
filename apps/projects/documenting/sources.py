"""The files of a manifest, as a job may read them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.common.errors import Conflict, NotFound
from apps.projects.analysis.values import SourceFile
from apps.projects.git.objects import open_objects
from apps.projects.manifests.document import EntryLine, read_entries
from apps.projects.manifests.storing import read_document
from apps.projects.models import Manifest
from apps.projects.states import FileKind

# Beyond it a text is counted by the manifest alone.
TEXT_MAX_BYTES: Final = 1024 * 1024
READABLE: Final = frozenset({FileKind.FILE, FileKind.EXEC})


class ManifestGone(Conflict):
    """The manifest that the job was to read is not kept any more."""

    code = "projects.manifest_gone"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """An entry of a manifest; a path that is not UTF-8 is percent-escaped, and told by `is_escaped`."""

    path: str
    kind: str
    blob_id: str
    size_bytes: int = 0
    lines: int = 0
    language: str = ""
    encoding: str = ""
    is_escaped: bool = False
    is_binary: bool = False
    is_generated: bool = False
    is_vendored: bool = False
    is_excluded: bool = False

    @property
    def unreadable(self) -> str:
        """Return why its content is not looked at, empty if it is."""
        if self.kind not in READABLE:
            return str(self.kind)
        reasons = {
            "excluded": self.is_excluded,
            "binary": self.is_binary,
            "generated": self.is_generated,
            "vendored": self.is_vendored,
            "too_large": self.size_bytes > TEXT_MAX_BYTES,
        }
        return next((name for name, holds in reasons.items() if holds), "")


def list_files(manifest: Manifest) -> list[ListedFile]:
    """Return the files of a manifest's document, in its order; raises ManifestGone, DocumentBroken."""
    try:
        content = read_document(manifest)
    except NotFound as error:
        raise ManifestGone from error
    return [_listed(entry) for entry in read_entries(content)]


def read_sources(
    repository: Path, files: Iterable[ListedFile], *, wants_names: bool = False
) -> Iterator[SourceFile]:
    """Yield files with their content; what git lacks comes empty. Raises GitFailed, GitMissing."""
    with open_objects(repository) as objects:
        for file in files:
            content = objects.contents(file.blob_id, max_bytes=TEXT_MAX_BYTES) or b""
            yield SourceFile(file.path, file.language, as_utf8(content, file.encoding), wants_names)


def as_utf8(content: bytes, encoding: str) -> bytes:
    """Return a text in the encoding that parsers take; what declares its own stays as it is."""
    if not encoding.startswith("utf-16"):
        return content
    return content.decode(encoding, "replace").removeprefix("\ufeff").encode()


def _listed(entry: EntryLine) -> ListedFile:
    return ListedFile(
        path=entry.path or entry.path_bytes,
        kind=entry.kind,
        blob_id=entry.blob,
        size_bytes=entry.size or 0,
        lines=entry.lines or 0,
        language=entry.language,
        encoding=entry.encoding,
        is_escaped=bool(entry.path_bytes),
        is_binary=entry.binary,
        is_generated=entry.generated,
        is_vendored=entry.vendored,
        is_excluded=entry.excluded,
    )
