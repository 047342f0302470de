"""Staff look at projects in the admin and act by services."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, User
from apps.projects.models import CodeJob, Credential, Manifest, Mirror, MirrorRun, Project
from apps.projects.states import MirrorState
from apps.projects.vault import seal_secret
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.repositories import Repository
from tests.projects.rights_world import OPEN, RightsWorld

SECRET = b"ghp_Th1sIsTheSecretOfARobot"


@pytest.fixture
def staff(db: None) -> Client:
    """Give an operator."""
    client = Client()
    client.force_login(User.objects.create(email="operator@example.com", name="Operator", is_staff=True))
    return client


@pytest.fixture
def mirror(actors: Actors) -> Mirror:
    """Give the mirror of the analyst's project, with a credential."""
    project = ProjectFactory.create(
        organization=actors.organization, owner=actors.analyst.user, name="<b>Compass"
    )
    place: dict[str, Any] = {"organization": actors.organization, "project": project}
    credential = Credential(host="git.example", label="Robot", **place)
    seal_secret(credential, SECRET)
    credential.save()
    return Mirror.objects.create(
        url="https://git.example/a.git",
        host="git.example",
        port=443,
        credential=credential,
        state=MirrorState.STALE,
        error_code="projects.repo_unreachable",
        error_cause="<i>no route",
        **place,
    )


def act(staff: Client, model: str, action: str, row: Any) -> str:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    answer = staff.post(f"/admin/projects/{model}/", body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(staff: Client, model: str, row: Any) -> str:
    pages = [staff.get(f"/admin/projects/{model}/"), staff.get(f"/admin/projects/{model}/{row.pk}/change/")]
    assert [page.status_code for page in pages] == [200, 200]
    return "".join(page.content.decode() for page in pages)


def test_a_deleted_project_is_brought_back(actors: Actors, staff: Client, mirror: Mirror) -> None:
    Project.objects.update(deleted_at=timezone.now())
    assert "Done for 1" in act(staff, "project", "restore", mirror.project)
    assert Project.objects.living().exists()
    entry = AuditEntry.objects.get(verb="projects.restored")
    assert entry.actor_label == "operator@example.com"
    assert "not deleted" in act(staff, "project", "restore", mirror.project)


def test_a_project_is_given_to_somebody_else(actors: Actors, staff: Client, mirror: Mirror) -> None:
    address = f"/admin/projects/project/{mirror.project_id}/change/"
    users = [actors.manager.user, actors.viewer.user]
    assert all(users)
    page = staff.get(address).content.decode()
    assert "&lt;b&gt;Compass" in page
    assert [f'value="{user.pk}"' in page for user in users if user] == [True, False]
    assert staff.post(address, {"owner": str(actors.viewer.user.pk)}).status_code == 200  # type: ignore[union-attr]
    assert staff.post(address, {"owner": str(actors.manager.user.pk)}).status_code == 302  # type: ignore[union-attr]
    assert Project.objects.get().owner == actors.manager.user


def test_the_true_cause_of_a_failure_is_shown(staff: Client, mirror: Mirror) -> None:
    assert "&lt;i&gt;no route" in shown(staff, "mirror", mirror)


@pytest.mark.parametrize(("action", "kind"), [("sync", "clone"), ("reclone", "clone")])
def test_a_mirror_is_synced(staff: Client, mirror: Mirror, action: str, kind: str) -> None:
    assert "Done for 1" in act(staff, "mirror", action, mirror)
    run = MirrorRun.objects.get()
    assert run.kind == kind
    assert "projects" in shown(staff, "mirrorrun", run)


def test_a_mirror_is_paused_and_goes_on(staff: Client, mirror: Mirror) -> None:
    act(staff, "mirror", "pause", mirror)
    mirror.refresh_from_db()
    assert (mirror.due_reason, mirror.next_due_at) == ("suspended", None)
    act(staff, "mirror", "go_on", mirror)
    mirror.refresh_from_db()
    assert mirror.paused_at is None
    assert mirror.next_due_at is not None


def test_more_room_lets_a_mirror_go_on(staff: Client, mirror: Mirror) -> None:
    Mirror.objects.update(state=MirrorState.OVER_QUOTA)
    address = f"/admin/projects/mirror/{mirror.pk}/change/"
    assert staff.post(address, {"quota_bytes": "0"}).status_code == 200
    assert staff.post(address, {"quota_bytes": str(2**30)}).status_code == 302
    mirror.refresh_from_db()
    assert (mirror.quota_bytes, mirror.state) == (2**30, MirrorState.STALE)
    assert mirror.next_due_at is not None
    assert AuditEntry.objects.filter(verb="projects.quota_changed").exists()


def test_a_leaked_secret_is_destroyed_and_never_shown(staff: Client, mirror: Mirror) -> None:
    page = shown(staff, "credential", mirror.credential)
    assert "Robot" in page
    assert SECRET.decode() not in page
    assert "ciphertext" not in page
    Project.objects.update(archived_at=timezone.now())
    assert "Done for 1" in act(staff, "credential", "destroy", mirror.credential)
    assert not Credential.objects.exists()


def test_a_manifest_is_verified(
    actors: Actors, staff: Client, make_repository: Callable[[str], Repository]
) -> None:
    place = RightsWorld(actors, make_repository).places[OPEN]
    row = place.manifest
    assert bytes(row.digest).hex() in shown(staff, "manifest", row)
    assert "sound." in act(staff, "manifest", "verify", row)
    Manifest.objects.filter(pk=row.pk).update(signature=b"x" * 64)
    assert "signature" in act(staff, "manifest", "verify", row).lower()


def test_code_jobs_are_shown_by_their_cost_and_not_by_their_words(
    actors: Actors, staff: Client, make_repository: Callable[[str], Repository]
) -> None:
    job = RightsWorld(actors, make_repository).places[OPEN].job
    said = {"request": job.request | {"instructions": "WORDS"}, "result": {"text_md": "WORDS"}}
    CodeJob.objects.filter(pk=job.pk).update(tokens_in=321, tokens_out=765, **said)
    page = shown(staff, "codejob", job)
    assert "<td>321</td>" in page
    assert actors.organization.slug in page
    assert "WORDS" not in page
    assert "Done for 1" in act(staff, "codejob", "cancel", job)
