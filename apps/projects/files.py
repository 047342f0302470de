"""Files of projects in the storage."""

from contextlib import suppress

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def store_file(name: str, content: bytes) -> str:
    """Store a file whose name is free, and return the name it has; what fails leaves nothing behind.

    No row names half a file, so nobody would ever remove it, least of all from a full disk.
    """
    try:
        return default_storage.save(name, ContentFile(content))
    except OSError:
        with suppress(OSError):
            default_storage.delete(name)
        raise
