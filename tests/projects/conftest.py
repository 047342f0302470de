"""What tests of projects share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects.repositories import Repository


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[str], Repository]:
    """Make an empty repository by name."""
    return lambda name: Repository(tmp_path / f"{name}.git")
