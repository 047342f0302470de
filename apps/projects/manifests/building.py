"""Build the manifest of one commit: read the tree, learn the facts of new blobs, store the document.

No transaction is held: facts are kept blob by blob, so that whoever starts again goes on where this ended.
"""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import rfc8785
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from apps.common.errors import DomainError
from apps.projects.manifests.beside import facts_beside
from apps.projects.manifests.document import Document, Source, write_document
from apps.projects.manifests.listing import list_entries, read_tree
from apps.projects.manifests.values import GENERATOR, BuiltManifest
from apps.projects.models import Manifest, Project

_FOLDER: Final = "projects/manifests"


class ManifestFailed(DomainError):
    """The manifest could not be built, or differs from the one that this version names."""

    code = "projects.manifest_failed"


def build_manifest(
    *,
    project: Project,
    repository: Path,
    commit: str = "",
    ref: str = "",
    beat: Callable[[], object] | None = None,
) -> BuiltManifest:
    """Build and store the manifest of a commit (a full id; empty: of nothing); publish it afterwards.

    `beat` is called between steps of less than a second or so. Safe to repeat: what is equal is there once.
    Raises GitFailed, and ManifestFailed if the same version was built with other bytes before.
    """
    globs = tuple(project.option("exclude_globs"))
    tree = read_tree(repository, commit)
    listing = list_entries(
        project.organization_id, repository, tree, exclude_globs=globs, beat=beat or _nothing
    )
    source = Source(project.pk, commit, tree.oid, ref, tree.object_format, settings_digest(globs))
    document = write_document(source, listing.entries, is_truncated=listing.is_truncated)
    return BuiltManifest(
        manifest_id=_keep(project, source, document).pk,
        digest=document.digest,
        header=document.header,
        facts=facts_beside(repository, tree, listing),
        entries=listing.entries,
        folders=tree.folders,
        lfs=listing.lfs,
    )


def settings_digest(exclude_globs: tuple[str, ...]) -> bytes:
    """Return the SHA-256 of the project's settings that a manifest depends on."""
    return hashlib.sha256(rfc8785.dumps({"exclude_globs": list(exclude_globs)})).digest()


def _keep(project: Project, source: Source, document: Document) -> Manifest:
    """Store a document and return its row, a new one or that of the same version."""
    identity = {
        "project": project,
        "commit": source.commit,
        "ref": source.ref,
        "generator": GENERATOR,
        "settings_digest": source.settings_digest,
    }
    digest = document.digest
    known = Manifest.objects.filter(**identity).first()
    if known is not None and bytes(known.digest) != digest:
        raise ManifestFailed("The same version was built with other content before.")
    key = store_document(project.pk, document.content, digest, known.storage_key if known else "")
    with transaction.atomic():
        # Locked, so that two builders give one number to one version.
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        manifest = Manifest.objects.filter(**identity).first()
        if manifest is None:
            locked.manifest_seq += 1
            locked.save(update_fields=["manifest_seq"])
            manifest = Manifest(
                **identity, organization_id=project.organization_id, number=locked.manifest_seq
            )
        manifest.digest = digest
        manifest.header = dict(document.header)
        manifest.size_bytes = len(document.content)
        manifest.storage_key = key
        manifest.save()
    return manifest


def store_document(project_id: uuid.UUID, content: bytes, digest: bytes, key: str) -> str:
    """Store a document unless these bytes are there; return the name it has in the storage."""
    name = key or f"{_FOLDER}/{project_id}/{digest.hex()}.ndjson"
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            if file.read() == content:
                return name
        # Half a document of a builder that died, or changed by hand: it is no document of this digest.
        default_storage.delete(name)
    return default_storage.save(name, ContentFile(content))


def _nothing() -> None:
    """Do nothing between steps."""
