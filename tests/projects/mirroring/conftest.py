"""What tests of mirrors share: a remote, a project that mirrors it, runs here and now."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.permissions import system_actor
from apps.common.jobs import execute
from apps.projects.mirroring.queueing import queue_verification
from apps.projects.models import Credential, Mirror, MirrorRun, Project
from apps.projects.services.mirrors import link_repo, start_rebuild, start_reclone, start_sync
from apps.projects.vault import seal_secret
from tests.factories.projects import ProjectFactory
from tests.projects.mirroring.remotes import GitBackend, git_daemon, http_remote
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

    @property
    def last_run(self) -> MirrorRun:
        """Return the newest run."""
        run: MirrorRun | None = (
            MirrorRun.objects.filter(project=self.project).order_by("-created_at", "-pk").first()
        )
        assert run is not None
        return run

    def queue(
        self, url: str = "", *, tracked_ref: str | None = None, credential: Credential | None = None
    ) -> MirrorRun:
        """Link the repository."""
        return link_repo(
            actor=system_actor(self.project.organization),
            project=self.project,
            url=url or self.url,
            tracked_ref=tracked_ref,
            credential_id=credential.pk if credential else None,
        )

    def link(
        self, url: str = "", *, tracked_ref: str | None = None, credential: Credential | None = None
    ) -> MirrorRun:
        """Link the repository and run what that queues."""
        return self.run(self.queue(url, tracked_ref=tracked_ref, credential=credential))

    def run(self, run: MirrorRun) -> MirrorRun:
        """Run a queued run here and now."""
        execute("projects.sync", run.pk)
        return self.reread(run)

    @staticmethod
    def reread(run: MirrorRun) -> MirrorRun:
        """Return a run as it is now."""
        return MirrorRun.objects.select_related("mirror", "project").get(pk=run.pk)  # type: ignore[no-any-return]

    def sync(self, *, is_override: bool = False) -> MirrorRun:
        """Sync once, here and now."""
        actor = system_actor(self.project.organization)
        return self.run(start_sync(actor=actor, project=self.project, is_override=is_override)[0])

    def reclone(self) -> MirrorRun:
        """Clone anew, here and now."""
        actor = system_actor(self.project.organization)
        return self.run(start_reclone(actor=actor, project=self.project)[0])

    def give_credential(self, port: int, secret: bytes) -> Credential:
        """Store a credential for a remote of this machine, under the name `robot`."""
        credential = Credential(
            organization=self.project.organization,
            project=self.project,
            host="127.0.0.1",
            port=port,
            label="token",
            username="robot",
        )
        seal_secret(credential, secret)
        credential.save()
        return credential

    def verify(self) -> MirrorRun:
        """Look for missing objects, here and now."""
        run = queue_verification(self.mirror)
        execute("projects.verify_mirror", run.pk)
        run.refresh_from_db()
        return run

    def rebuild(self) -> MirrorRun:
        """Build the manifest anew, here and now."""
        started = start_rebuild(actor=None, project=self.project)
        assert started is not None
        return self.run(started[0])


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


@pytest.fixture
def http(daemon_root: Path, settings: Settings) -> Iterator[tuple[int, type[GitBackend]]]:
    """Give the port of an HTTP remote of this test's own, and what sets how it answers."""
    with http_remote(daemon_root) as (port, behaviour):
        settings.PROJECTS_TEST_REMOTES = [*settings.PROJECTS_TEST_REMOTES, f"127.0.0.1:{port}"]
        yield port, behaviour
