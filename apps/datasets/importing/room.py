"""Whether the disk has room for what an import will write."""

import shutil
from typing import Final

from django.conf import settings

from apps.common.errors import QuotaExceeded

FREE_DISK_MIN_BYTES: Final = 1024**3
# Rows, indexes and parts of a file take about this many times its size.
DISK_PER_BYTE: Final = 3


def check_room(size: int) -> None:
    """Raise QuotaExceeded unless 1 GiB would be free beside the rows of files of so many bytes."""
    if shutil.disk_usage(settings.VAR_DIR).free - DISK_PER_BYTE * size < FREE_DISK_MIN_BYTES:
        raise QuotaExceeded("There is not enough free disk for this import.")
