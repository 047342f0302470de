"""Results leave after 90 days, but for the newest of each type and path."""

import errno
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import override_settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.db import JobStatus
from apps.projects.documenting import storing
from apps.projects.documenting.keeping import RULE
from apps.projects.models import CodeJob
from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of

pytestmark = pytest.mark.django_db


class SmallStorage(FileSystemStorage):
    """A storage whose disk is full after the first bytes of a file."""

    def _save(self, name: str, content: Any) -> str:
        Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True)
        Path(self.path(name)).write_bytes(content.read(8))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_old_results_go_with_their_files_and_the_newest_stays(
    actors: Actors, make_repository: MakeRepository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "ROW_MAX_BYTES", 100)
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    old, new = finished(actors.admin, project), finished(actors.admin, project)
    other = finished(actors.admin, project, type="summary")
    assert old.result is None
    assert default_storage.exists(old.storage_key)
    assert result_of(actors.viewer, old)["facts"] == result_of(actors.viewer, new)["facts"]
    now = timezone.now()
    assert RULE.count(now + timedelta(days=89)) == 0
    assert RULE.count(now + timedelta(days=91)) == RULE.drop(now + timedelta(days=91)) == 1
    assert set(CodeJob.objects.values_list("pk", flat=True)) == {new.pk, other.pk}
    assert not default_storage.exists(old.storage_key)
    assert default_storage.exists(new.storage_key)
    default_storage.delete(new.storage_key)
    assert actors.viewer.api.get(f"/api/v1/ai/jobs/{new.pk}/result").status_code == 404


def test_a_result_that_finds_no_room_is_told_as_that_and_leaves_nothing(
    actors: Actors,
    make_repository: MakeRepository,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    media: Path,
) -> None:
    monkeypatch.setattr(storing, "ROW_MAX_BYTES", 100)
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    small = {"BACKEND": f"{__name__}.{SmallStorage.__qualname__}", "OPTIONS": {"location": media}}
    before = {path for path in media.rglob("*") if path.is_file()}
    with override_settings(STORAGES={**settings.STORAGES, "default": small}):
        job = finished(actors.admin, project)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "projects.storage_full")
    assert {path for path in media.rglob("*") if path.is_file()} == before
    assert finished(actors.admin, project).status == JobStatus.SUCCEEDED
