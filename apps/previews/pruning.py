"""What goes with an organization besides its rows: the objects of its previews."""

import uuid

from django.core.files.storage import default_storage

from apps.previews.models import Bundle, Session


def purge_previews(organization_id: uuid.UUID) -> None:
    """Delete the objects and rows of an organization's previews; may be killed anywhere and run again."""
    kept = Bundle.objects.filter(organization_id=organization_id).exclude(storage_key="")
    for key in kept.values_list("storage_key", flat=True):
        default_storage.delete(key)
    # Before its projects, which these rows hold back.
    Session.objects.filter(organization_id=organization_id).delete()
