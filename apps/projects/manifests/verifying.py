"""Whether a manifest is whole: its document, its signature, and the rows that readers see.

Whoever changes a row, a kept fact or the document by hand is found out: all of it can be read again from git.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from apps.common.errors import NotFound
from apps.projects.errors import NotLinked
from apps.projects.git.layout import published_repository
from apps.projects.manifests.building import Written, write_manifest
from apps.projects.manifests.file_rows import file_rows, stored_rows
from apps.projects.manifests.kept import kept_facts
from apps.projects.manifests.signing import Signature, is_signed
from apps.projects.manifests.storing import read_document
from apps.projects.manifests.values import GENERATOR, Facts
from apps.projects.models import Manifest, Mirror
from apps.projects.states import ManifestState

# Of rows and facts that differ no more than these are named.
NAMED_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a manifest: a short code, and in words what and where."""

    code: str
    detail: str


def verify_manifest(manifest: Manifest) -> tuple[Finding, ...]:
    """Return all that is wrong with a manifest, nothing if it is sound.

    Of the current one the tree is read anew from git, every blob of it, and held against document, rows and
    kept facts. Raises GitFailed where the repository cannot be read.
    """
    if manifest.state == ManifestState.PRUNED:
        return ()
    found = [*_document_findings(manifest), *_signature_findings(manifest)]
    repository = _repository_of(manifest)
    if repository is not None:
        written = write_manifest(
            project=manifest.project,
            repository=repository,
            commit=manifest.commit,
            ref=manifest.ref,
            is_fresh=True,
        )
        found += _tree_findings(manifest, written)
    return tuple(found)


def _repository_of(manifest: Manifest) -> Path | None:
    """Return where the current manifest's commit lies; None for others, which git may have dropped."""
    if manifest.state != ManifestState.CURRENT or manifest.generator != GENERATOR:
        return None
    mirror = Mirror.objects.filter(project=manifest.project_id).first()
    try:
        return published_repository(mirror) if mirror is not None else None
    except NotLinked:
        return None


def _document_findings(manifest: Manifest) -> Iterator[Finding]:
    try:
        content = read_document(manifest)
    except NotFound:
        yield Finding("document_missing", f"Version {manifest.number}: its document is missing.")
        return
    if hashlib.sha256(content).digest() != bytes(manifest.digest):
        yield Finding("document_changed", f"Version {manifest.number}: its document has another digest.")
    elif orjson.loads(content.partition(b"\n")[0]) != manifest.header:
        yield Finding("header_changed", f"Version {manifest.number}: its row has another header.")


def _signature_findings(manifest: Manifest) -> Iterator[Finding]:
    signature = Signature(manifest.key_id, bytes(manifest.signature))
    if not is_signed(bytes(manifest.digest), signature):
        detail = f"Version {manifest.number}: no known key made its signature (it names {manifest.key_id})."
        yield Finding("signature_invalid", detail)


def _tree_findings(manifest: Manifest, written: Written) -> Iterator[Finding]:
    # Settings that changed since make another version; they do not make this one wrong.
    if written.source.settings_digest == bytes(manifest.settings_digest):
        if written.document.digest != bytes(manifest.digest):
            yield Finding("tree_differs", f"Version {manifest.number}: git's tree gives another document.")
        yield from _row_findings(manifest, written)
    yield from _fact_findings(manifest, written)


def _row_findings(manifest: Manifest, written: Written) -> Iterator[Finding]:
    wanted = {row.path_hash: row for row in file_rows(written.listing.entries, written.tree.folders)}
    present = stored_rows(manifest.organization_id, manifest.project_id)
    different = [key for key in wanted.keys() | present.keys() if wanted.get(key) != present.get(key)]
    paths = sorted((wanted.get(key) or present[key]).path for key in different)
    for path in paths[:NAMED_MAX]:
        yield Finding("file_row_changed", f"The row of {path.decode('utf-8', 'replace')!r} differs from git.")
    if len(paths) > NAMED_MAX:
        yield Finding("file_row_changed", f"So do {len(paths) - NAMED_MAX} more rows.")


def _fact_findings(manifest: Manifest, written: Written) -> Iterator[Finding]:
    fresh = written.listing.facts
    kept = kept_facts(manifest.organization_id, list(fresh))
    blobs = sorted(blob for blob, facts in kept.items() if not _is_equal(facts, fresh[blob]))
    for blob in blobs[:NAMED_MAX]:
        yield Finding("fact_changed", f"What is kept of the blob {blob} differs from git.")
    if len(blobs) > NAMED_MAX:
        yield Finding("fact_changed", f"So is what is kept of {len(blobs) - NAMED_MAX} more.")


def _is_equal(kept: Facts, fresh: Facts) -> bool:
    """Tell whether facts agree; other names of the blob may have asked for symbols of more languages."""
    shared = kept.symbols.keys() & fresh.symbols.keys()
    return replace(kept, symbols={}) == replace(fresh, symbols={}) and all(
        kept.symbols[language] == fresh.symbols[language] for language in shared
    )
