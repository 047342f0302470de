"""A media folder for each test."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Iterator[Path]:
    """Let the default storage live in this test's own folder."""
    folder = tmp_path / "media"
    backends: dict[str, Any] = copy.deepcopy(settings.STORAGES)
    backends["default"]["OPTIONS"]["location"] = folder
    with override_settings(STORAGES=backends, MEDIA_ROOT=folder):
        yield folder
