"""Build the manifest of one commit: read the tree, learn the facts of new blobs, store the document.

No transaction is held over the work: facts are kept blob by blob, so that whoever starts again goes on where
this ended.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rfc8785
from django.db import transaction

from apps.common.errors import Unavailable
from apps.projects.manifests.beside import facts_beside
from apps.projects.manifests.document import Document, Source, write_document
from apps.projects.manifests.listing import Listing, Tree, list_entries, read_tree
from apps.projects.manifests.signing import sign
from apps.projects.manifests.storing import store_document
from apps.projects.manifests.values import GENERATOR, BuiltManifest
from apps.projects.models import Manifest, Project
from apps.projects.states import ManifestState


class ManifestFailed(Unavailable):
    """The manifest differs from the one that its version names, or is not stored any more."""

    code = "projects.manifest_failed"


@dataclass(frozen=True, slots=True)
class Written:
    """A document that is written but not stored, and what it was written from."""

    source: Source
    document: Document
    tree: Tree
    listing: Listing


def build_manifest(
    *,
    project: Project,
    repository: Path,
    commit: str = "",
    ref: str = "",
    beat: Callable[[], object] | None = None,
) -> BuiltManifest:
    """Build and store the manifest of a commit (a full id; empty: of nothing); publish it afterwards.

    `beat` is called between steps of about a second. Safe to repeat: what is equal is there once. Raises
    GitFailed, and ManifestFailed if the same version was built with other bytes before.
    """
    written = write_manifest(project=project, repository=repository, commit=commit, ref=ref, beat=beat)
    return BuiltManifest(
        manifest_id=_keep(project, written.source, written.document).pk,
        digest=written.document.digest,
        header=written.document.header,
        facts=facts_beside(repository, written.tree, written.listing),
        entries=written.listing.entries,
        folders=written.tree.folders,
        lfs=written.listing.lfs,
    )


def write_manifest(
    *,
    project: Project,
    repository: Path,
    commit: str,
    ref: str,
    beat: Callable[[], object] | None = None,
    is_fresh: bool = False,
) -> Written:
    """Return the document of a commit without storing it; with `is_fresh` no kept fact is believed.

    Raises GitFailed.
    """
    globs = tuple(project.option("exclude_globs"))
    tree = read_tree(repository, commit)
    listing = list_entries(
        project.organization_id,
        repository,
        tree,
        exclude_globs=globs,
        beat=beat or _nothing,
        is_fresh=is_fresh,
    )
    source = Source(project.pk, commit, tree.oid, ref, tree.object_format, settings_digest(globs))
    document = write_document(source, listing.entries, is_truncated=listing.is_truncated)
    return Written(source, document, tree, listing)


def settings_digest(exclude_globs: tuple[str, ...]) -> bytes:
    """Return the SHA-256 of the project's settings that a manifest depends on."""
    return hashlib.sha256(rfc8785.dumps({"exclude_globs": list(exclude_globs)})).digest()


def _keep(project: Project, source: Source, document: Document) -> Manifest:
    """Store a document and return its row, a new one or that of the same version."""
    digest = document.digest
    known = _same_bytes(project, source, digest)
    key = store_document(project.pk, document.content, digest, known.storage_key if known else "")
    with transaction.atomic():
        # Locked, so that two builders give one number to one version.
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        manifest = _same_bytes(project, source, digest) or _new_version(locked, source)
        if not manifest.signature:
            signature = sign(digest)
            manifest.key_id, manifest.signature = signature.key_id, signature.content
        if manifest.state == ManifestState.PRUNED:
            # Its document is here again, and is not to be dropped before it is published.
            manifest.state = ManifestState.BUILDING
        manifest.digest = digest
        manifest.header = dict(document.header)
        manifest.size_bytes = len(document.content)
        manifest.storage_key = key
        manifest.save()
    return manifest


def same_version(project: Project, source: Source) -> Manifest | None:
    """Return the version of the same project, commit, ref, generator and settings, if there is one."""
    found: Manifest | None = Manifest.objects.filter(
        project=project,
        commit=source.commit,
        ref=source.ref,
        generator=GENERATOR,
        settings_digest=source.settings_digest,
    ).first()
    return found


def _same_bytes(project: Project, source: Source, digest: bytes) -> Manifest | None:
    found = same_version(project, source)
    # A version never changes: other bytes for it mean that a fact, or the code, was changed by hand.
    if found is not None and bytes(found.digest) != digest:
        raise ManifestFailed("The same version was built with other content before.")
    return found


def _new_version(locked: Project, source: Source) -> Manifest:
    locked.manifest_seq += 1
    locked.save(update_fields=["manifest_seq"])
    return Manifest(
        organization_id=locked.organization_id,
        project=locked,
        number=locked.manifest_seq,
        commit=source.commit,
        ref=source.ref,
        generator=GENERATOR,
        settings_digest=source.settings_digest,
    )


def _nothing() -> None:
    """Do nothing between steps."""
