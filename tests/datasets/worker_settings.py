"""The settings of a worker that works on a test's database and media folder."""

import os
from typing import Any

from config import settings
from config.settings import *  # noqa: F403

_storages: Any = settings.STORAGES
_storages["default"]["OPTIONS"]["location"] = os.environ["MEDIA_ROOT"]
