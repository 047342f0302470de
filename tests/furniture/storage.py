"""A media folder for each test, one for runs, and one for mirrors."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings


def storages_in(folder: Path) -> dict[str, Any]:
    """Return the setting STORAGES with the default storage in another folder."""
    storages: dict[str, Any] = copy.deepcopy(settings.STORAGES)
    storages["default"]["OPTIONS"]["location"] = folder
    return storages


@contextmanager
def kept_in(parent: Path) -> Iterator[Path]:
    """Let the default storage, runs and mirrors each live in a folder below `parent`; gives the storage's."""
    folder = parent / "media"
    own = {"MEDIA_ROOT": folder, "RUNS_ROOT": str(parent / "runs"), "PROJECTS_DATA_DIR": parent / "projects"}
    with override_settings(STORAGES=storages_in(folder), **own):
        yield folder


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Iterator[Path]:
    """Let the default storage, runs and mirrors each live in a folder of this test's own."""
    with kept_in(tmp_path) as folder:
        yield folder
