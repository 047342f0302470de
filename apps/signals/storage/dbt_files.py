"""The artifacts of an organization's newest build, in the file storage: any web process may serve them."""

import uuid
from collections.abc import Mapping
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

KINDS: Final = ("manifest", "catalog", "run_results")


def folder_of(organization_id: uuid.UUID) -> str:
    """Return the folder of an organization's artifacts in the storage."""
    return f"signals/dbt/{organization_id}"


def store_artifacts(organization_id: uuid.UUID, build_id: uuid.UUID, files: Mapping[str, bytes]) -> None:
    """Keep the artifacts of a build; those of former builds leave."""
    for kind, content in files.items():
        name = artifact_name(organization_id, build_id, kind)
        default_storage.delete(name)
        default_storage.save(name, ContentFile(content))
    for name in _names(organization_id):
        if not name.startswith(str(build_id)):
            default_storage.delete(f"{folder_of(organization_id)}/{name}")


def artifact_name(organization_id: uuid.UUID, build_id: uuid.UUID, kind: str) -> str:
    """Return the name of an artifact in the storage; `kind` is one of KINDS."""
    return f"{folder_of(organization_id)}/{build_id}.{kind}.json"


def discard_artifacts(organization_id: uuid.UUID) -> None:
    """Delete all artifacts of an organization."""
    for name in _names(organization_id):
        default_storage.delete(f"{folder_of(organization_id)}/{name}")


def _names(organization_id: uuid.UUID) -> list[str]:
    try:
        return default_storage.listdir(folder_of(organization_id))[1]
    except FileNotFoundError:
        return []
