"""The files of artifacts in the file storage; one that was changed is never used."""

import hashlib
import uuid
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.common.errors import NotFound
from apps.spatial.forecasting.artifact import MAX_BYTES, ArtifactCorrupt, Learned, decode
from apps.spatial.models import Artifact, TrainingRun

FOLDER: Final = "forecasts"


class ArtifactGone(NotFound):
    """That artifact is not kept any more.

    The last five of a model are kept, and the one that serves.
    """

    code = "spatial.artifact_gone"


def file_name(run: TrainingRun) -> str:
    """Return where the artifact of a run is stored: the same place when the run is repeated."""
    return f"{FOLDER}/{run.model.organization_id}/{run.model_id}/{run.pk}.zip"


def store_file(name: str, content: bytes) -> str:
    """Write (on repeat: overwrite) a file; returns the name it has got."""
    # Storages keep an old file and choose another name; a repeated run must take its own place.
    default_storage.delete(name)
    return default_storage.save(name, ContentFile(content))


def drop_file(name: str) -> None:
    """Delete a file, if it is there."""
    if name:
        default_storage.delete(name)


def load_learned(artifact: Artifact) -> Learned:
    """Return what an artifact holds; raises ArtifactGone, ArtifactCorrupt."""
    if not artifact.storage_name:
        raise ArtifactGone
    try:
        with default_storage.open(artifact.storage_name) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ArtifactCorrupt("The file of the artifact is missing.") from error
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise ArtifactCorrupt
    return decode(content)


def names_of(model_id: uuid.UUID) -> list[str]:
    """Return the names of a model's stored files. One query."""
    kept = Artifact.objects.filter(model_id=model_id).exclude(storage_name="")
    return list(kept.values_list("storage_name", flat=True))
