"""What the tests of gate and load stand on."""

from pathlib import Path
from typing import Any

import pytest

from tests.factories.accounts import OrganizationFactory
from tests.signals.load.runs import Load, call_load, make_run


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a generated run that nobody changes."""
    return make_run(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def load(settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Load:
    """Give a function that loads from below the test's own folder; returns exit code and report."""
    settings.RUNS_ROOT = str(tmp_path)
    OrganizationFactory.create(slug="team")
    return lambda *arguments: call_load(capsys, *arguments)
