"""Projects and their mirrors, as a sync leaves them."""

import factory
from factory.django import DjangoModelFactory

from apps.accounts.models import Membership
from apps.projects.git.layout import generation_folder
from apps.projects.git.processes import run_git
from apps.projects.manifests.values import GENERATOR
from apps.projects.models import Manifest, Mirror, Project, ProjectMember, Ref
from apps.projects.states import ManifestState, MirrorState, RefKind, Visibility
from tests.factories.accounts import OrganizationFactory
from tests.projects.repositories import Repository


class ProjectFactory(DjangoModelFactory[Project]):
    """A project that the whole organization sees."""

    class Meta:
        model = Project

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Project {n}")
    visibility = Visibility.ORGANIZATION


class ProjectMemberFactory(DjangoModelFactory[ProjectMember]):
    """A member of a project; say `project` and `user`, who belongs to its organization."""

    class Meta:
        model = ProjectMember

    organization = factory.SelfAttribute("project.organization")
    membership = factory.LazyAttribute(
        lambda made: Membership.objects.get(organization=made.organization, user=made.user)
    )


class ManifestFactory(DjangoModelFactory[Manifest]):
    """The row of a superseded version without a document; say `project`, `number` and `commit`."""

    class Meta:
        model = Manifest

    organization = factory.SelfAttribute("project.organization")
    state = ManifestState.SUPERSEDED
    generator = GENERATOR
    settings_digest = b"s"
    digest = b"d" * 32


def publish(project: Project, repository: Repository, *, head: str = "heads/main") -> Mirror:
    """Let a project mirror the present state of a repository; returns its mirror, changed if it had one.

    Without network and jobs: refs are fetched from the folder, and published in the next snapshot.
    """
    mirror, _ = Mirror.objects.get_or_create(
        project=project,
        organization=project.organization,
        defaults={"url": "https://git.example/a.git", "host": "git.example", "port": 443, "generation": 1},
    )
    folder = generation_folder(mirror.pk, mirror.generation)
    if not folder.exists():
        folder.parent.mkdir(parents=True)
        run_git(None, "init", "-q", "--bare", str(folder))
    snapshot = mirror.fence + 1
    below = f"refs/snapshots/{snapshot}"
    run_git(
        folder,
        "fetch",
        "-q",
        "--no-tags",
        str(repository.folder),
        f"+refs/heads/*:{below}/heads/*",
        f"+refs/tags/*:{below}/tags/*",
        extra={"GIT_ALLOW_PROTOCOL": "file"},
    )
    listed = run_git(folder, "for-each-ref", "--format=%(refname)\t%(objectname)\t%(*objectname)", below)
    rows = [_ref(project, line, below) for line in listed.decode().splitlines()]
    Ref.objects.filter(project=project).delete()
    Ref.objects.bulk_create(rows)
    commits = {row.name: row.commit for row in rows}
    mirror.fence = mirror.snapshot = snapshot
    mirror.state = MirrorState.ACTIVE
    mirror.default_branch = "main"
    mirror.head_commit = commits.get(head, "")
    mirror.head_ref = head if mirror.head_commit else ""
    mirror.ref_count = len(rows)
    mirror.save()
    return mirror


def _ref(project: Project, line: str, below: str) -> Ref:
    name, target, peeled = line.split("\t")
    short = name.removeprefix(f"{below}/")
    kind = RefKind.BRANCH if short.startswith("heads/") else RefKind.TAG
    return Ref(
        organization=project.organization,
        project=project,
        name=short,
        kind=kind,
        commit=peeled or target,
        target=target,
    )
