"""Where documents lie: in the storage, by project and digest."""

import uuid
from typing import Final

from django.core.files.storage import default_storage

from apps.common.errors import NotFound
from apps.projects.files import store_file
from apps.projects.models import Manifest

_FOLDER: Final = "projects/manifests"


def store_document(project_id: uuid.UUID, content: bytes, digest: bytes, key: str) -> str:
    """Store a document unless its bytes are there; return the name it has. `key`: the name it had, if any."""
    name = key or f"{_FOLDER}/{project_id}/{digest.hex()}.ndjson"
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            if file.read() == content:
                return name
        # Half a document of a builder that died, or one changed by hand: it is none of this digest.
        default_storage.delete(name)
    return store_file(name, content)


def read_document(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest as they lie in the storage; raises NotFound if they are gone."""
    if not manifest.storage_key:
        raise NotFound("The document of this version is not kept any more.")
    try:
        with default_storage.open(manifest.storage_key) as file:
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise NotFound("The document of this version is missing.") from error
    return content
