"""From what people write to a commit: branches, tags, archived tips, applied proposals, ids."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone

from apps.common.errors import NotFound
from apps.projects.errors import NotLinked
from apps.projects.models import ArchivedTip, Manifest, Project, Proposal
from apps.projects.reading.refs import Resolved, resolve
from tests.factories.projects import ProjectFactory, publish
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give a repository with a branch and a tag of the same name, and a branch called like a prefix."""
    repository = make_repository("remote")
    first = repository.commit({"a": "1"})
    repository.git("update-ref", "refs/tags/v1", first)
    repository.commit({"a": "2"}, branch="v1")
    repository.commit({"a": "3"}, branch="tags/odd")
    return repository


@pytest.fixture
def project(repository: Repository) -> Project:
    """Give a project that mirrors it."""
    project = ProjectFactory.create()
    publish(project, repository)
    return project


def test_the_published_head_is_the_default(project: Project, repository: Repository) -> None:
    assert resolve(project) == Resolved(repository.tip("main"), "heads/main")


def test_a_plain_name_is_the_branch_where_both_exist(project: Project, repository: Repository) -> None:
    assert resolve(project, "v1") == Resolved(repository.tip("v1"), "heads/v1")
    assert resolve(project, "heads/v1") == Resolved(repository.tip("v1"), "heads/v1")
    assert resolve(project, "tags/v1") == Resolved(repository.tip("main"), "tags/v1")
    assert resolve(project, "tags/odd") == Resolved(repository.tip("tags/odd"), "heads/tags/odd")


def test_a_full_commit_id_is_taken_and_nothing_shorter(project: Project, repository: Repository) -> None:
    commit = repository.tip("v1")
    assert resolve(project, commit) == Resolved(commit, commit)
    for text in (commit[:12], commit.upper(), "f" * 40, repository.git("rev-parse", "main:a")):
        with pytest.raises(NotFound):
            resolve(project, text)


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "HEAD",
        "main~1",
        "main^{tree}",
        "--all",
        "refs/heads/main",
        "@{-1}",
        "a\0b",
        "x" * 1_025,
        ":/a",
    ],
)
def test_what_names_nothing_is_not_found(project: Project, text: str) -> None:
    with pytest.raises(NotFound):
        resolve(project, text)


def test_an_archived_tip_and_an_applied_proposal_have_names(project: Project, repository: Repository) -> None:
    commit = repository.tip("v1")
    kept = {"organization": project.organization, "project": project}
    ArchivedTip.objects.create(
        **kept,
        mirror=project.mirror,
        number=3,
        ref="heads/v1",
        commit=commit,
        reason="rewritten",
        expires_at=timezone.now() + dt.timedelta(days=90),
    )
    manifest = Manifest.objects.create(**kept, number=1, generator="1", settings_digest=b"")
    proposal = Proposal.objects.create(
        **kept, manifest=manifest, new_name="x", base_ref="heads/main", base_commit=commit
    )
    assert resolve(project, "archived/3") == Resolved(commit, "archived/3")
    for text in ("archived/4", f"applied/{proposal.pk}"):
        with pytest.raises(NotFound):
            resolve(project, text)
    Proposal.objects.filter(pk=proposal.pk).update(applied_commit=commit)
    assert resolve(project, f"applied/{proposal.pk}") == Resolved(commit, f"applied/{proposal.pk}")


def test_a_ref_of_another_project_is_not_found(project: Project, repository: Repository) -> None:
    other = ProjectFactory.create(organization=project.organization)
    repository.commit({"b": ""}, branch="secret")
    publish(other, repository)
    with pytest.raises(NotFound):
        resolve(project, "secret")


def test_a_project_without_a_repository_says_so() -> None:
    with pytest.raises(NotLinked):
        resolve(ProjectFactory.create())


def test_an_empty_repository_has_no_default_commit(make_repository: Callable[[str], Repository]) -> None:
    project = ProjectFactory.create()
    publish(project, make_repository("empty"))
    assert resolve(project) == Resolved("", "")
