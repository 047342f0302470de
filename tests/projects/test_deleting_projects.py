"""Deleted projects are gone at once, can be restored for a week, and then leave nothing behind."""

import datetime as dt
import shutil
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.permissions import system_actor
from apps.accounts.services import purge_organization
from apps.common.db import JobStatus
from apps.projects.git.layout import mirror_folder
from apps.projects.models import (
    Application,
    CodeJob,
    Credential,
    File,
    Manifest,
    Mirror,
    MirrorRun,
    Project,
    Proposal,
    ProposalFile,
    Ref,
)
from apps.projects.services.deletions import NotRestorable, purge_projects, restore_project
from apps.projects.services.projects import NameTaken
from apps.projects.vault import seal_secret
from tests.factories.previews import make_preview
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors, Person

WEEK = dt.timedelta(days=7)


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a project of the analyst with a row of each kind, files in the storage and a mirror's folder."""
    made = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user, name="Compass")
    place: dict[str, Any] = {"organization": made.organization, "project": made}
    credential = Credential(host="git.example", label="Robot", **place)
    seal_secret(credential, b"a secret")
    credential.save()
    mirror = Mirror.objects.create(
        url="https://git.example/a.git", host="git.example", port=443, credential=credential, **place
    )
    (mirror_folder(mirror.pk) / "1.git").mkdir(parents=True)
    MirrorRun.objects.create(mirror=mirror, kind="fetch", **place)
    Ref.objects.create(name="heads/main", kind="branch", commit="a" * 40, target="a" * 40, **place)
    File.objects.create(
        path_hash=b"1", path=b"a", parent_hash=b"0", ordinal=0, kind="file", mode="100644", blob="b", **place
    )
    manifest = Manifest.objects.create(
        number=1, generator="1", settings_digest=b"", storage_key=kept("manifest"), **place
    )
    CodeJob.objects.create(
        manifest=manifest, type="docs", input_digest=b"", storage_key=kept("result"), **place
    )
    proposal = Proposal.objects.create(
        manifest=manifest, new_name="x", base_ref="heads/main", base_commit="a", **place
    )
    ProposalFile.objects.create(
        organization=made.organization, proposal=proposal, ordinal=0, path=b"a", path_hash=b"1", blob="b"
    )
    Application.objects.create(
        proposal=proposal, patch_digest=b"", storage_key=kept("patch"), approved_at=timezone.now(), **place
    )
    return made


def kept(name: str) -> str:
    return default_storage.save(f"projects/{name}", ContentFile(b"x"))


def delete(person: Person, project: Project, confirm: str = "Compass") -> Any:
    return person.api.delete(f"/api/v1/projects/{project.pk}?confirm={confirm}")


def test_the_name_confirms(actors: Actors, project: Project) -> None:
    for wrong in ("compass", "Compass ", "x"):
        answer = delete(actors.analyst, project, wrong)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "confirm")
    assert actors.analyst.api.delete(f"/api/v1/projects/{project.pk}").status_code == 422
    assert Project.objects.living().exists()


def test_it_is_gone_at_once_with_its_credentials_and_its_work(actors: Actors, project: Project) -> None:
    fence = project.mirror.fence
    assert delete(actors.analyst, project).status_code == 202
    assert actors.analyst.api.get(f"/api/v1/projects/{project.pk}").status_code == 404
    assert actors.analyst.api.get("/api/v1/projects").json()["results"] == []
    assert not Credential.objects.exists()
    mirror = Mirror.objects.get()
    assert (mirror.credential, mirror.next_due_at) == (None, None)
    assert mirror.fence > fence  # what a worker writes that slept meanwhile matches nothing
    assert delete(actors.analyst, project).status_code == 404


def test_its_name_is_free(actors: Actors, project: Project) -> None:
    delete(actors.analyst, project)
    answer = actors.analyst.api.post("/api/v1/projects", {"name": "compass"}, format="json")
    assert answer.status_code == 201
    operator = system_actor(actors.organization)
    with pytest.raises(NameTaken):
        restore_project(actor=operator, project=project)


def test_operators_restore_it_within_a_week(actors: Actors, project: Project) -> None:
    operator = system_actor(actors.organization)
    with pytest.raises(NotRestorable):
        restore_project(actor=operator, project=project)
    delete(actors.analyst, project)
    restore_project(actor=operator, project=project)
    assert actors.analyst.api.get(f"/api/v1/projects/{project.pk}").status_code == 200
    Project.objects.update(deleted_at=timezone.now() - WEEK - dt.timedelta(seconds=1))
    with pytest.raises(NotRestorable):
        restore_project(actor=operator, project=project)


def test_after_a_week_nothing_of_it_is_left(actors: Actors, project: Project) -> None:
    other = ProjectFactory.create(organization=actors.organization)
    folder = mirror_folder(project.mirror.pk)
    delete(actors.analyst, project)
    now = timezone.now()
    assert purge_projects(now + WEEK - dt.timedelta(minutes=1)) == 0
    assert folder.exists()
    assert purge_projects(now + WEEK + dt.timedelta(minutes=1)) == 1
    assert not folder.exists()
    assert default_storage.listdir("projects") == ([], [])
    assert list(Project.objects.all()) == [other]
    for model in (Mirror, MirrorRun, Ref, File, Manifest, CodeJob, Proposal, ProposalFile, Application):
        assert not model.objects.exists(), model


def test_what_still_runs_is_waited_for(actors: Actors, project: Project) -> None:
    CodeJob.objects.update(status=JobStatus.RUNNING)
    delete(actors.analyst, project)
    assert purge_projects(timezone.now() + 2 * WEEK) == 0
    CodeJob.objects.update(status=JobStatus.CANCELLED)
    assert purge_projects(timezone.now() + 2 * WEEK) == 1


def test_what_another_app_refers_to_is_tried_again_the_next_night(actors: Actors, project: Project) -> None:
    preview = make_preview(project)
    delete(actors.analyst, project)
    assert purge_projects(timezone.now() + 2 * WEEK) == 0
    assert Project.objects.filter(pk=project.pk).exists()
    preview.delete()
    assert purge_projects(timezone.now() + 2 * WEEK) == 1


def test_a_purge_that_was_killed_goes_on(actors: Actors, project: Project) -> None:
    delete(actors.analyst, project)
    shutil.rmtree(mirror_folder(project.mirror.pk))
    default_storage.delete(CodeJob.objects.get().storage_key)
    assert purge_projects(timezone.now() + 2 * WEEK) == 1
    assert not Project.objects.exists()


def test_an_organization_takes_its_projects_along(actors: Actors, project: Project) -> None:
    folder = mirror_folder(project.mirror.pk)
    purge_organization(actors.organization)
    assert not folder.exists()
    assert not Project.objects.exists()
