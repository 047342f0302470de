"""What tests of projects share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.projects.repositories import Repository


@pytest.fixture(autouse=True)
def own_mirrors(settings: Settings, tmp_path: Path) -> None:
    """Let mirrors lie in a folder of the test's own."""
    settings.PROJECTS_DATA_DIR = tmp_path / "projects"


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[str], Repository]:
    """Make an empty repository by name."""
    return lambda name: Repository(tmp_path / f"{name}.git")
