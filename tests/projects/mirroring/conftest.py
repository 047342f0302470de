"""What tests of mirrors share: a remote, a project that mirrors it, runs here and now."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.permissions import system_actor
from apps.common.jobs import execute
from apps.projects.models import Mirror, MirrorRun, Project
from apps.projects.services.mirrors import link_repo, start_sync
from tests.factories.projects import ProjectFactory
from tests.projects.mirroring.remotes import git_daemon
from tests.projects.repositories import Repository


class Linked:
    """A project that mirrors a repository of the daemon."""

    def __init__(self, project: Project, url: str) -> None:
        self.project = project
        self.url = url

    @property
    def mirror(self) -> Mirror:
        """Return the mirror as it is now."""
        return Mirror.objects.get(project=self.project)

    def link(self, url: str = "", *, tracked_ref: str | None = None) -> MirrorRun:
        """Link the repository and run what that queues."""
        actor = system_actor(self.project.organization)
        return _ran(
            link_repo(actor=actor, project=self.project, url=url or self.url, tracked_ref=tracked_ref)
        )

    def sync(self, *, is_override: bool = False) -> MirrorRun:
        """Sync once, here and now."""
        actor = system_actor(self.project.organization)
        return _ran(start_sync(actor=actor, project=self.project, is_override=is_override)[0])


def _ran(run: MirrorRun) -> MirrorRun:
    execute("projects.sync", run.pk)
    run.refresh_from_db()
    return run


@pytest.fixture(scope="session")
def daemon_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder whose repositories the daemon serves."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def daemon_port(daemon_root: Path) -> Iterator[int]:
    """Give the port of a git daemon that serves all tests."""
    with git_daemon(daemon_root) as port:
        yield port


@pytest.fixture
def remote(daemon_root: Path, tmp_path: Path) -> Repository:
    """Give an empty repository that the daemon serves."""
    return Repository(daemon_root / f"{tmp_path.name}.git")


@pytest.fixture
def linked(remote: Repository, daemon_port: int, settings: Settings, db: None) -> Linked:
    """Give a project that is about to mirror `remote`."""
    settings.PROJECTS_TEST_REMOTES = [f"127.0.0.1:{daemon_port}"]
    return Linked(ProjectFactory.create(), f"git://127.0.0.1:{daemon_port}/{remote.folder.name}")
