"""The bundle of TAXONOMY_PATH, for runs that have none of their own."""

from pathlib import Path

from django.conf import settings

from apps.common.db import uuid7
from apps.signals.artifacts.listing import BUNDLE, DOCUMENTS
from apps.signals.loading.plan import FileTask


def taxonomy_bundle() -> FileTask | None:
    """Return the task that loads the installation's bundle, None if there is none."""
    if not settings.TAXONOMY_PATH:
        return None
    folder = Path(settings.TAXONOMY_PATH)
    for name in (BUNDLE, "metadata_bundle.yaml"):
        if (folder / name).is_file():
            size_bytes = (folder / name).stat().st_size
            return FileTask(uuid7(), name, DOCUMENTS[BUNDLE], size_bytes, folder=str(folder))
    return None
