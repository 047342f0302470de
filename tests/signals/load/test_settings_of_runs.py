"""Settings that no run could be read with are named before anything starts."""

from pathlib import Path
from typing import Any

from apps.signals.checks import check_runs_root, check_taxonomy_path


def test_runs_lie_in_folders_alone(settings: Any) -> None:
    settings.RUNS_ROOT = "s3://bucket/runs"
    assert [message.id for message in check_runs_root()] == ["sextant.E009"]

    settings.RUNS_ROOT = "var/runs"
    assert check_runs_root() == []


def test_a_taxonomy_without_a_bundle_is_named(settings: Any, tmp_path: Path) -> None:
    settings.TAXONOMY_PATH = str(tmp_path)
    assert [message.id for message in check_taxonomy_path()] == ["sextant.W002"]

    (tmp_path / "metadata_bundle.json").write_text("{}")
    assert check_taxonomy_path() == []
