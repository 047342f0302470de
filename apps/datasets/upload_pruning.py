"""Uploads whose time is over go, and files of uploads that nobody knows any more.

Every function may be killed anywhere and be run again. `periodic.py` decides when.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from apps.common.keeping import KeepingRule
from apps.datasets.models import ImportFile, Upload
from apps.datasets.states import UploadState
from apps.datasets.storage.upload_files import FOLDER
from apps.datasets.upload_services import drop_file

# As long as its sender is told that an upload has expired, and not that there never was one.
REMEMBERED: Final = timedelta(days=7)
# A file whose row is just being written, or read by an import that is just being deleted, needs a while.
GRACE: Final = timedelta(hours=1)


def expire_uploads(now: datetime) -> int:
    """Expire the uploads whose time is over, and forget those that expired long ago; returns how many."""
    Upload.objects.filter(
        state=UploadState.EXPIRED, storage_name="", expires_at__lt=now - REMEMBERED
    ).delete()
    past = list(_past(now))
    for row in past:
        drop_file(row)
    return len(past)


def drop_lost_files(now: datetime) -> int:
    """Delete the files of uploads whose rows went with their owner; returns how many."""
    lost = list(_lost_files(now))
    for name in lost:
        default_storage.delete(name)
    return len(lost)


def purge_uploads(organization_id: uuid.UUID) -> None:
    """Remove the uploads of an organization with their files."""
    for row in Upload.objects.filter(organization_id=organization_id):
        drop_file(row)
        row.delete()


def _past(now: datetime) -> QuerySet[Upload]:
    """Return uploads past their time, and expired ones whose file somebody was killed over."""
    over = Q(expires_at__lte=now) & ~Q(state=UploadState.EXPIRED)
    return Upload.objects.filter(over | Q(state=UploadState.EXPIRED) & ~Q(storage_name=""))


def _lost_files(now: datetime) -> Iterator[str]:
    """Yield the files that neither an upload nor an import names, an hour after their last byte."""
    if not default_storage.exists(FOLDER):
        return
    for leaf in default_storage.listdir(FOLDER)[1]:
        name = f"{FOLDER}/{leaf}"
        is_known = (
            Upload.objects.filter(storage_name=name).exists()
            or ImportFile.objects.filter(storage_name=name).exists()
        )
        if not is_known and default_storage.get_modified_time(name) < now - GRACE:
            yield name


RULES: Final = (
    KeepingRule("datasets.uploads", count=lambda now: _past(now).count(), drop=expire_uploads),
    KeepingRule(
        "datasets.upload_files", count=lambda now: sum(1 for _ in _lost_files(now)), drop=drop_lost_files
    ),
)
