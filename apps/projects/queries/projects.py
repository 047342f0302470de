"""Reads of projects: one by its id, and what is shown of a page of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.projects.models import CodeJob, Manifest, Mirror, Project, ProjectMember, Proposal
from apps.projects.rights import Right, effective_right
from apps.projects.states import ManifestState, MemberRole, MirrorState, ProposalState

OWNER: Final = "owner"
PLATFORMS: Final = ("ios", "android", "web")
NEWEST_SHOWN: Final = 5
TROUBLED: Final = (
    MirrorState.STALE, MirrorState.AUTH_FAILED, MirrorState.OVER_QUOTA, MirrorState.BRANCH_MISSING,
    MirrorState.CORRUPT,
)  # fmt: skip
NO_FILE: Final = "No file of the repository is that of such an application."
UNPUBLISHED: Final = "Nothing of a repository has been read yet."


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether a project can be previewed on one platform, and why."""

    yes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectCounts:
    """How much there is of what a project's page shows."""

    jobs_running: int
    proposals_stale: int
    members: int


@dataclass(frozen=True, slots=True)
class ProjectShown:
    """A project as one actor sees it."""

    project: Project
    my_right: Right
    mirror: Mirror | None
    manifest: Manifest | None
    preview_capable: Mapping[str, Capability]
    counts: ProjectCounts


def visible_project(actor: Actor, project_id: uuid.UUID) -> Project:
    """Return a project that the actor sees, with mirror and owner; raises NotFound. Issues one query."""
    project = (
        Project.objects.visible_to(actor).select_related("mirror", "owner").filter(pk=project_id).first()
    )
    if project is None:
        raise NotFound("There is no such project.")
    return project


def reread(project: Project) -> Project:
    """Return a project as it stands after a change, with mirror and owner. Issues one query."""
    return Project.objects.select_related("mirror", "owner").get(pk=project.pk)


def describe_project(actor: Actor, project: Project) -> ProjectShown:
    """Return what is shown of one project. Issues five queries."""
    return describe_projects(actor, [project])[0]


def describe_projects(actor: Actor, projects: Sequence[Project]) -> list[ProjectShown]:
    """Return what is shown of projects, in their order; five queries for any number of them.

    They were read with `select_related("mirror", "owner")`.
    """
    ids = [project.pk for project in projects]
    edited = _edited(actor, ids)
    manifests = current_manifests(ids)
    jobs = _counted(CodeJob.objects.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]), ids)
    stale = _counted(Proposal.objects.filter(state=ProposalState.STALE), ids)
    members = _counted(ProjectMember.objects.all(), ids)
    return [
        ProjectShown(
            project=project,
            my_right=effective_right(actor, project, is_editor=project.pk in edited),
            mirror=mirror_of(project),
            manifest=manifests.get(project.pk),
            preview_capable=capabilities(manifests.get(project.pk)),
            counts=ProjectCounts(
                jobs.get(project.pk, 0), stale.get(project.pk, 0), members.get(project.pk, 0)
            ),
        )
        for project in projects
    ]


@dataclass(frozen=True, slots=True)
class ProjectsOverview:
    """How an actor's projects stand: `troubled` syncs fail, `to_review` proposals wait for a decision."""

    projects: int
    troubled: int
    to_review: int
    newest: Sequence[ProjectShown]


def overview_of(actor: Actor) -> ProjectsOverview:
    """Return how the projects that an actor sees stand, and those whose code changed last. Eight queries."""
    rows = Project.objects.visible_to(actor).filter(archived_at__isnull=True)
    linked = Q(mirror__unlinked_at__isnull=True, mirror__state__in=TROUBLED)
    counted = rows.aggregate(projects=Count("pk"), troubled=Count("pk", filter=linked))
    to_review = Proposal.objects.filter(state=ProposalState.PROPOSED, project__in=rows).count()
    changed = F("mirror__last_changed_at").desc(nulls_last=True)
    newest = rows.select_related("mirror", "owner").order_by(changed, "-pk")[:NEWEST_SHOWN]
    return ProjectsOverview(**counted, to_review=to_review, newest=describe_projects(actor, list(newest)))


def with_role(rows: QuerySet[Project], user: User | None, role: str) -> QuerySet[Project]:
    """Narrow to the projects that a user owns (`owner`), or is a member of in a role."""
    if role == OWNER or user is None:
        return rows.filter(owner=user) if user is not None else rows.none()
    return rows.filter(Exists(ProjectMember.objects.filter(project=OuterRef("pk"), user=user, role=role)))


def mirror_of(project: Project) -> Mirror | None:
    """Return the mirror of a project that is linked to a repository."""
    mirror: Mirror | None = getattr(project, "mirror", None)
    return mirror if mirror is not None and mirror.unlinked_at is None else None


def current_manifests(project_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Manifest]:
    """Return the newest current manifest of each project, without its header. One query."""
    rows = Manifest.objects.filter(project__in=project_ids, state=ManifestState.CURRENT)
    newest = rows.order_by("project", "-number").distinct("project").defer("header", "signature")
    return {row.project_id: row for row in newest}


def capabilities(manifest: Manifest | None) -> dict[str, Capability]:
    """Return on which platforms previews make sense, as the facts beside the manifest say."""
    if manifest is None:
        return dict.fromkeys(PLATFORMS, Capability(yes=False, reason=UNPUBLISHED))
    said: Mapping[str, Any] = manifest.facts.get("preview_capable", {})
    return {name: _capability(said.get(name)) for name in PLATFORMS}


def _capability(said: Any) -> Capability:
    if not isinstance(said, Mapping) or not said.get("yes"):
        return Capability(yes=False, reason=NO_FILE)
    return Capability(yes=True, reason=str(said.get("reason", "")))


def _edited(actor: Actor, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of the projects the actor is an editor of."""
    rows = ProjectMember.objects.filter(project__in=ids, user=actor.person, role=MemberRole.EDITOR)
    return set(rows.values_list("project", flat=True))


def _counted(rows: QuerySet[Any], ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    counted = rows.filter(project__in=ids).order_by().values_list("project").annotate(number=Count("pk"))
    return dict(counted)
