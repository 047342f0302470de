"""What a manifest is made of: facts of a blob, entries, and what a build hands to the publication."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from apps.projects.git.trees import TreeEntry

SCHEMA: Final = "sextant-manifest/1"
# Raised with every change of what the facts, tables or scanners say of the same bytes.
GENERATOR: Final = "sextant-facts/1"


class LfsTotals(TypedDict):
    """How many files are LFS pointers, and what the objects that they name take."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bytes of one blob say, whatever their name.

    `lines` is None for what is binary. `shebang` is the interpreter's bare name. `lfs_size_bytes` is what an
    LFS pointer says of its object. `symbols` is {language: hex of SHA-256}, empty text where that language's
    scanner found no definition.
    """

    size_bytes: int
    sha256: bytes
    lines: int | None = None
    encoding: str = ""
    eol: str = "none"
    has_bom: bool = False
    is_binary: bool = False
    shebang: str = ""
    lfs_size_bytes: int | None = None
    symbols: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One line of a manifest, but for its header; `sha256` and `symbols` are hex, empty where unknown."""

    path: bytes
    mode: str
    kind: str
    blob: str
    size_bytes: int | None = None
    sha256: str = ""
    lines: int | None = None
    language: str = ""
    encoding: str = ""
    eol: str = ""
    is_binary: bool = False
    is_generated: bool = False
    is_vendored: bool = False
    is_excluded: bool = False
    symbols: str = ""


@dataclass(frozen=True, slots=True)
class BuiltManifest:
    """A manifest whose document is stored and whose row waits for its publication.

    `header` is the document's first line, `facts` what stands beside the document, both as JSON. `folders`
    are the trees below the root, which the document leaves out and a listing needs.
    """

    manifest_id: uuid.UUID
    digest: bytes
    header: Mapping[str, Any]
    facts: Mapping[str, Any]
    entries: tuple[ManifestEntry, ...]
    folders: tuple[TreeEntry, ...]
    lfs: LfsTotals

    @property
    def file_count(self) -> int:
        """Return how many files the manifest lists."""
        return len(self.entries)
