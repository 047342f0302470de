"""The web application as these tests run it in a process of its own: on their database clone."""

import os

from django.conf import settings

settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]

from config.asgi import application  # noqa: E402 - reads the settings
from tests.furniture.patience import be_patient  # noqa: E402
from tests.live.topics import register_test_topics  # noqa: E402

be_patient()
register_test_topics()

__all__ = ["application"]
