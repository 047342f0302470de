"""The settings of a process that works on a test's database and folders."""

import os
from pathlib import Path
from typing import Any

from config import settings
from config.settings import *  # noqa: F403

# Not VAR_DIR of the environment: secrets and sockets lie there.
VAR_DIR = Path(os.environ["WORK_DIR"])
_storages: Any = settings.STORAGES
_storages["default"]["OPTIONS"]["location"] = os.environ["MEDIA_ROOT"]
