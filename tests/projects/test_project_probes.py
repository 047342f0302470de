"""Operators see whether git, the mirrors' folder, the schedule and the language model are well."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.probes import Degraded
from apps.projects.errors import GitMissing
from apps.projects.models import Mirror, Project
from apps.projects.probes import probe_ai, probe_git, probe_mirror_store, probe_mirrors
from tests.factories.projects import ProjectFactory


def test_git_tells_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert probe_git()["version"][0].isdigit()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing):
        probe_git()


def test_the_folder_of_mirrors_can_be_written(settings: Settings, tmp_path: Path) -> None:
    try:
        facts: Any = probe_mirror_store()
    except Degraded as degraded:  # on a full disk
        facts = degraded.facts
    assert set(facts) == {"free_percent", "free_inodes_percent"}
    assert list(Path(settings.PROJECTS_DATA_DIR).iterdir()) == []
    settings.PROJECTS_DATA_DIR = tmp_path / "a file" / "below"
    (tmp_path / "a file").touch()
    with pytest.raises(OSError, match="a file"):
        probe_mirror_store()


def test_a_mirror_that_is_due_for_long_is_told(db: None) -> None:
    assert probe_mirrors() == {"mirrors": 0, "troubled": 0, "oldest_due_s": 0.0}
    project = ProjectFactory.create()
    Mirror.objects.create(
        organization=project.organization,
        project=project,
        url="https://git.example/a.git",
        host="git.example",
        port=443,
        state="stale",
        next_due_at=timezone.now() - dt.timedelta(minutes=20),
    )
    with pytest.raises(Degraded) as caught:
        probe_mirrors()
    assert caught.value.facts["troubled"] == 1
    assert caught.value.facts["oldest_due_s"] > 1_100
    Project.objects.update(archived_at=timezone.now())
    assert probe_mirrors()["mirrors"] == 0


def test_a_model_is_not_needed(settings: Settings) -> None:
    assert probe_ai()["is_left_alone"] is False
