"""The bytes of a manifest: RFC 8785 JSON lines, the header first, then entries by the bytes of their paths.

orjson with sorted keys writes the same bytes as a canonical encoder for what stands here: keys are ASCII,
numbers whole and small, texts valid Unicode. A test holds the two beside each other.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec
import orjson
import rfc8785

from apps.common.errors import Unavailable
from apps.projects.manifests.values import GENERATOR, SCHEMA, ManifestEntry

_LINE: Final = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


class DocumentBroken(Unavailable):
    """The stored document of a manifest is not what was stored."""

    code = "projects.manifest_broken"


@dataclass(frozen=True, slots=True)
class Source:
    """What a manifest is of: ids of commit and tree (empty without a tracked commit), ref, settings."""

    project_id: uuid.UUID
    commit: str
    tree: str
    ref: str
    object_format: str
    settings_digest: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """The whole document, and its first line as JSON."""

    header: Mapping[str, Any]
    content: bytes

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of all bytes."""
        return hashlib.sha256(self.content).digest()


def write_document(source: Source, entries: Sequence[ManifestEntry], *, is_truncated: bool) -> Document:
    """Return the document of entries, which come sorted by the bytes of their paths."""
    lines = b"".join([entry_line(entry) for entry in entries])
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "project_id": str(source.project_id),
        "commit": source.commit,
        "tree": source.tree,
        "ref": source.ref,
        "object_format": source.object_format,
        "generator": GENERATOR,
        "settings_digest": source.settings_digest.hex(),
        "totals": totals_of(entries),
        "entries_sha256": hashlib.sha256(lines).hexdigest(),
        "truncated": is_truncated,
    }
    return Document(header, rfc8785.dumps(header) + b"\n" + lines)


def entry_line(entry: ManifestEntry) -> bytes:
    """Return the line of one entry."""
    return orjson.dumps(entry_fields(entry), option=_LINE)


def entry_fields(entry: ManifestEntry) -> dict[str, Any]:
    """Return an entry as JSON, without empty keys: false, empty texts and what is unknown."""
    fields = path_fields(entry.path)
    fields |= {"mode": entry.mode, "kind": entry.kind, "blob": entry.blob}
    if entry.size_bytes is not None:
        fields["size"] = entry.size_bytes
    if entry.lines is not None:
        fields["lines"] = entry.lines
    for name in ("sha256", "language", "encoding", "eol", "symbols"):
        if value := getattr(entry, name):
            fields[name] = value
    for name in ("binary", "generated", "vendored", "excluded"):
        if getattr(entry, f"is_{name}"):
            fields[name] = True
    return fields


def path_fields(path: bytes) -> dict[str, Any]:
    """Return a path as JSON: as text, or percent-escaped under another key if it is not UTF-8."""
    try:
        return {"path": path.decode()}
    except UnicodeDecodeError:
        return {"path_bytes": quote_from_bytes(path, safe="/")}


class EntryLine(msgspec.Struct, frozen=True):
    """A line as it is read: empty where the key is left out."""

    mode: str
    kind: str
    blob: str
    path: str = ""
    path_bytes: str = ""
    size: int | None = None
    sha256: str = ""
    lines: int | None = None
    language: str = ""
    encoding: str = ""
    eol: str = ""
    binary: bool = False
    generated: bool = False
    vendored: bool = False
    excluded: bool = False
    symbols: str = ""

    @property
    def raw_path(self) -> bytes:
        """Return the bytes of the path."""
        return unquote_to_bytes(self.path_bytes) if self.path_bytes else self.path.encode()


def read_entries(content: bytes) -> list[EntryLine]:
    """Return the entries of a stored document, in its order; raises DocumentBroken."""
    try:
        return _LINES.decode_lines(content.partition(b"\n")[2])
    except msgspec.MsgspecError as error:
        raise DocumentBroken from error


_LINES: Final = msgspec.json.Decoder(EntryLine)


def totals_of(entries: Iterable[ManifestEntry]) -> dict[str, Any]:
    """Return the header's sums over all entries."""
    by_kind: dict[str, int] = {}
    by_language: dict[str, dict[str, int]] = {}
    files = size_bytes = lines = 0
    for entry in entries:
        files += 1
        size_bytes += entry.size_bytes or 0
        lines += entry.lines or 0
        by_kind[entry.kind] = by_kind.get(entry.kind, 0) + 1
        if entry.language:
            share = by_language.setdefault(entry.language, {"files": 0, "bytes": 0, "lines": 0})
            share["files"] += 1
            share["bytes"] += entry.size_bytes or 0
            share["lines"] += entry.lines or 0
    return {
        "files": files,
        "bytes": size_bytes,
        "lines": lines,
        "by_kind": by_kind,
        "by_language": by_language,
    }
