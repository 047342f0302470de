"""The last versions stay, and those that somebody names; the rest leaves the storage."""

import datetime as dt

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.projects.manifests import pruning
from apps.projects.models import BlobFact, CodeJob, Manifest, Project
from apps.projects.states import CodeJobType, ManifestState
from tests.factories.projects import ManifestFactory, ProjectFactory
from tests.projects.manifests.building import build_head, publish_head
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


def version(project: Project, number: int) -> Manifest:
    key = default_storage.save(f"projects/manifests/{project.pk}/{number}", ContentFile(b"{}\n"))
    manifest: Manifest = ManifestFactory.create(
        project=project, number=number, commit=f"{number:040}", storage_key=key
    )
    return manifest


def test_the_last_twenty_and_those_that_jobs_name_are_kept(project: Project) -> None:
    made = [version(project, number) for number in range(1, 24)]
    few = [version(other, 1) for other in (ProjectFactory.create(),)]
    CodeJob.objects.create(
        organization=project.organization,
        project=project,
        manifest=made[1],
        type=CodeJobType.DOCS,
        input_digest=b"i",
        commit=made[1].commit,
    )
    now = timezone.now()
    assert pruning.count_past(now) == 2
    assert pruning.drop_past(now) == 2
    pruned = Manifest.objects.filter(state=ManifestState.PRUNED).order_by("number")
    assert [(row.number, row.storage_key) for row in pruned] == [(1, ""), (3, "")]
    assert [default_storage.exists(row.storage_key) for row in made[:4]] == [False, True, False, True]
    assert default_storage.exists(few[0].storage_key)
    assert pruning.drop_past(now) == 0


def test_a_build_that_nobody_published_goes_after_a_day_and_comes_back_when_it_is_built_again(
    project: Project, repository: Repository
) -> None:
    repository.commit({"a": "1"})
    built = build_head(project, repository)
    now = timezone.now()
    assert pruning.drop_past(now) == 0
    assert pruning.drop_past(now + dt.timedelta(days=2)) == 1
    assert publish_head(project, repository).pk == built.manifest_id
    row = Manifest.objects.get(project=project)
    assert (row.number, row.state) == (1, "current")
    assert default_storage.exists(row.storage_key)


def test_facts_that_no_published_tree_needs_are_dropped(project: Project, repository: Repository) -> None:
    repository.commit({"a": "1", "b": "2"})
    publish_head(project, repository)
    repository.commit({"a": None})
    publish_head(project, repository)
    now = timezone.now()
    assert pruning.count_useless_facts(now) == 1
    assert pruning.drop_useless_facts(now) == 1
    assert BlobFact.objects.get().blob == repository.git("rev-parse", "main:b")
