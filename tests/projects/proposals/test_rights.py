"""Who may do what with proposals, and what is answered to whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry, Role
from apps.accounts.services import create_api_key
from apps.projects.models import Project, Proposal
from apps.projects.proposing.analysing import run_rename
from apps.projects.states import Visibility
from tests.factories.accounts import create_member
from tests.factories.projects import ProjectMemberFactory
from tests.furniture.people import Actors, Person
from tests.projects.proposals.renames import (
    URL,
    Shop,
    act,
    apply,
    approved,
    get,
    propose,
    proposed,
)

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]
READS: list[tuple[str, ...]] = [(), ("files",), ("files", "0", "diff"), ("residual",), ("patch",)]
WRITES: dict[str, dict[str, Any]] = {
    "decisions": {"all": "approved"},
    "preview": {},
    "reject": {},
    "repropose": {},
    "apply": {"patch_digest": "0" * 64},
}


def editor_of(actors: Actors, project: Project) -> Person:
    user = create_member(actors.organization, Role.ANALYST)
    ProjectMemberFactory.create(project=project, user=user, role="editor")
    return Person("editor", actors.organization, user, Role.ANALYST)


def statuses(person: Person, proposal: Proposal) -> tuple[set[int], set[int]]:
    reads = {get(person, proposal, *parts).status_code for parts in READS}
    writes = {act(person, proposal, name, **body).status_code for name, body in WRITES.items()}
    return reads, writes


def test_reading_needs_to_see_the_project_and_writing_to_edit_it(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    bystander = Person(
        "b", actors.organization, create_member(actors.organization, Role.ANALYST), Role.ANALYST
    )
    assert statuses(actors.stranger, proposal) == ({404}, {404})
    assert statuses(actors.anonymous, proposal) == ({401}, {401})
    assert statuses(actors.viewer, proposal) == ({200}, {403})
    assert statuses(bystander, proposal) == ({200}, {403})
    proposal.refresh_from_db()
    assert proposal.state == "proposed"

    assert propose(actors.stranger, shop.project).status_code == 404
    assert propose(actors.anonymous, shop.project).status_code == 401
    assert propose(actors.viewer, shop.project).status_code == 403
    assert propose(bystander, shop.project).status_code == 403
    assert actors.stranger.api.get(URL).json()["results"] == []

    Project.objects.update(visibility=Visibility.PRIVATE)
    assert statuses(bystander, proposal) == ({404}, {404})
    assert bystander.api.get(f"/api/v1/jobs/{proposal.pk}").status_code == 404
    assert actors.analyst.api.get(f"/api/v1/jobs/{proposal.pk}").status_code == 200
    assert len(actors.admin.api.get(URL).json()["results"]) == 1


def test_an_editor_decides_and_applies_where_the_project_lets_them(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    editor = editor_of(actors, shop.project)
    proposal, digest = approved(editor, shop, run_jobs)
    assert apply(editor, proposal, digest).status_code == 403
    Project.objects.update(settings={"editors_may_apply": True})
    assert apply(editor, proposal, digest).status_code == 202


def test_a_second_person_applies_where_the_project_asks_for_one(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    Project.objects.update(settings={"second_person_applies": True})
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    own = apply(actors.analyst, proposal, digest)
    assert (own.status_code, own.json()["code"]) == (409, "projects.second_person_needed")
    assert apply(actors.manager, proposal, digest).status_code == 202


def test_no_key_applies(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    scopes = ["projects:read", "projects:write"]
    key, raw = create_api_key(actor=actors.admin.actor, name="Robot", role=Role.MANAGER, scopes=scopes)
    robot = Person("robot", actors.organization, role=Role.MANAGER, key=key, raw_key=raw)
    assert get(robot, proposal).status_code == 200
    assert act(robot, proposal, "preview").status_code == 200
    assert apply(robot, proposal, digest).status_code == 403


def test_what_was_not_scanned_has_to_be_accepted(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    Proposal.objects.filter(pk=proposal.pk).update(
        outcome="partial", unscanned=[{"path": "a.py", "reason": "limit"}]
    )
    answer = apply(actors.analyst, proposal, digest)
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.unscanned_not_accepted")
    left = get(actors.viewer, proposal, "residual").json()["results"]
    assert left[-1] == {"path": "a.py", "line": None, "column": None, "text": "", "reason": "limit"}
    page = actors.viewer.browser.get(f"/projects/{shop.project.pk}/renames/{proposal.pk}/").content.decode()
    assert "<li>1 beyond what one analysis reads: 2,000 files" in page
    assert apply(actors.analyst, proposal, digest, accept_unscanned=True).status_code == 202


def test_an_archived_project_takes_no_writes(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    Project.objects.update(archived_at=timezone.now())
    assert {get(actors.viewer, proposal, *parts).status_code for parts in READS} == {200}
    for name, body in WRITES.items():
        answer = act(actors.analyst, proposal, name, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "projects.archived"), name
    assert propose(actors.analyst, shop.project).json()["code"] == "projects.archived"


@pytest.mark.parametrize("stage", ["", "recording"])
def test_archived_while_analysing_ends_cancelled(
    actors: Actors, shop: Shop, run_jobs: Jobs, stage: str
) -> None:
    """Edge case 22, also at the last moment."""

    def archive(row: Proposal) -> None:
        if row.stage == stage:
            Project.objects.update(archived_at=timezone.now())

    answer = propose(actors.analyst, shop.project)
    run_rename.change_hooks.append(archive)
    try:
        run_jobs()
    finally:
        run_rename.change_hooks.remove(archive)
    row = Proposal.objects.get(pk=answer.json()["id"])
    assert (row.status, row.state) == ("cancelled", "cancelled")
    assert not row.files.exists()


def test_whoever_lost_the_right_is_not_analysed_for(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    editor = editor_of(actors, shop.project)
    answer = propose(editor, shop.project)
    shop.project.members.all().delete()
    run_jobs()
    row = Proposal.objects.get(pk=answer.json()["id"])
    assert (row.status, row.error_code, row.state) == ("failed", "job.permission_lost", "failed")


def test_an_approver_who_lost_the_right_applies_nothing(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    assert apply(actors.analyst, proposal, digest).status_code == 202
    Project.objects.update(owner=None)
    run_jobs()
    proposal.refresh_from_db()
    assert (proposal.state, shop.ref(proposal)) == ("proposed", "")


def test_rejecting_is_audited(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    assert act(actors.analyst, proposal, "reject").json()["state"] == "rejected"
    assert AuditEntry.objects.filter(verb="projects.proposal_rejected", target_id=proposal.pk).exists()
