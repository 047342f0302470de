"""Where mirrors lie: PROJECTS_DATA_DIR/mirrors/<2 hex>/<mirror id>/<generation>.git."""

import uuid
from pathlib import Path

from django.conf import settings

from apps.projects.errors import NotLinked
from apps.projects.models import Mirror


def mirror_folder(mirror_id: uuid.UUID) -> Path:
    """Return the folder of all generations of a mirror."""
    return Path(_folder_name(mirror_id))


def generation_folder(mirror_id: uuid.UUID, generation: int) -> Path:
    """Return the bare repository of one generation."""
    return Path(f"{_folder_name(mirror_id)}/{generation}.git")


def published_repository(mirror: Mirror) -> Path:
    """Return the repository that is read now; raises NotLinked while nothing was ever published."""
    require_published(mirror)
    return generation_folder(mirror.pk, mirror.generation)


def require_published(mirror: Mirror) -> None:
    """Raise NotLinked while nothing was ever published."""
    if mirror.unlinked_at is not None or mirror.generation == 0:
        raise NotLinked


def _folder_name(mirror_id: uuid.UUID) -> str:
    name = str(mirror_id)
    # The last two digits are random; the first ones of a UUIDv7 are the same for years. Asked at every read:
    # to put a path together from its parts would take longer.
    return f"{settings.PROJECTS_DATA_DIR}/mirrors/{name[-2:]}/{name}"
