"""The settings of a worker that works on a test's database and media folder."""

import os

from config.settings import *  # noqa: F403
from config.settings import STORAGES

STORAGES["default"]["OPTIONS"]["location"] = os.environ["MEDIA_ROOT"]
