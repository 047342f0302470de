"""Results leave after 90 days, but for the newest of each type and path."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.projects.documenting import storing
from apps.projects.documenting.keeping import RULE
from apps.projects.models import CodeJob
from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of

pytestmark = pytest.mark.django_db


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
