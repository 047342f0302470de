"""Tools about projects, their mirrors and manifests."""

import uuid
from typing import Annotated, Any

import msgspec
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common.tools import Arguments, CursorText, Instant, NextCursor, PageSize, Result, newest_first
from apps.projects.models import Manifest, MirrorRun, Project
from apps.projects.queries.manifests import find_manifest
from apps.projects.queries.mirrors import linked_mirror, quota_of, schedule_of
from apps.projects.queries.projects import ProjectShown, describe_projects
from apps.projects.services.mirrors import start_sync
from apps.projects.states import ManifestState, MirrorState, RunKind, Visibility
from apps.projects.tools.naming import ProjectNamed, named_project


class ProjectsWanted(Arguments):
    """Which projects to list."""

    search: Annotated[str, msgspec.Meta(max_length=200, description="A part of the name.")] = ""
    archived: bool = False
    page_size: PageSize = 50
    cursor: CursorText = ""


class ProjectFacts(Result):
    """A project: what the caller may do, and how far its repository has been read."""

    id: uuid.UUID
    name: str
    description: str
    visibility: Visibility
    my_right: str
    mirror_state: MirrorState | None
    head_commit: str
    last_synced_at: Instant | None
    manifest_version: int | None
    updated_at: Instant


class ProjectPage(Result):
    """One page of projects, the newest first."""

    projects: list[ProjectFacts]
    next_cursor: NextCursor


class MirrorFacts(Result):
    """How a mirror stands, and when it is looked at next."""

    state: MirrorState
    url: str
    tracked_ref: str | None
    head_ref: str
    head_commit: str
    ref_count: int
    file_count: int
    size_bytes: int
    quota_bytes: int
    last_synced_at: Instant | None
    last_changed_at: Instant | None
    next_due_at: Instant | None
    schedule: str
    error_code: str
    error_detail: str


class ManifestWanted(ProjectNamed):
    """Which version."""

    version: Annotated[int, msgspec.Meta(ge=1, description="By default the current one.")] | None = None


class ManifestFacts(Result):
    """A version of the signed list of files."""

    version: int
    state: ManifestState
    commit: str
    ref: str
    digest: str
    key_id: str
    totals: Annotated[dict[str, Any], msgspec.Meta(description="files, bytes, lines, by_kind, by_language")]
    facts: Annotated[dict[str, Any], msgspec.Meta(description="What is known beside the document.")]
    created_at: Instant


class RunFacts(Result):
    """A run of a mirror; jobs_get follows it by its id."""

    run_id: uuid.UUID
    kind: RunKind
    status: str
    joined: Annotated[bool, msgspec.Meta(description="It was queued or running already.")]


def list_projects(actor: Actor, wanted: ProjectsWanted) -> ProjectPage:
    """Return one page of the projects that the actor sees."""
    rows = Project.objects.visible_to(actor).select_related("mirror", "owner")
    rows = rows.filter(archived_at__isnull=not wanted.archived, name__icontains=wanted.search)
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return ProjectPage(
        projects=[_facts_of(shown) for shown in describe_projects(actor, page)], next_cursor=next_cursor
    )


def _facts_of(shown: ProjectShown) -> ProjectFacts:
    project, mirror = shown.project, shown.mirror
    return ProjectFacts(
        id=project.pk,
        name=project.name,
        description=project.description,
        visibility=Visibility(project.visibility),
        my_right=shown.my_right.label,
        mirror_state=MirrorState(mirror.state) if mirror else None,
        head_commit=mirror.head_commit if mirror else "",
        last_synced_at=mirror.last_synced_at if mirror else None,
        manifest_version=shown.manifest.number if shown.manifest else None,
        updated_at=project.updated_at,
    )


def get_mirror(actor: Actor, wanted: ProjectNamed) -> MirrorFacts:
    """Return how the mirror of a project stands; raises NotFound, NotLinked."""
    mirror = linked_mirror(named_project(actor, wanted))
    return MirrorFacts(
        state=MirrorState(mirror.state),
        url=mirror.url,
        tracked_ref=mirror.project.tracked_ref,
        head_ref=mirror.head_ref,
        head_commit=mirror.head_commit,
        ref_count=mirror.ref_count,
        file_count=mirror.file_count,
        size_bytes=mirror.size_bytes,
        quota_bytes=quota_of(mirror),
        last_synced_at=mirror.last_synced_at,
        last_changed_at=mirror.last_changed_at,
        next_due_at=mirror.next_due_at,
        schedule=schedule_of(mirror, now=timezone.now()).detail,
        error_code=mirror.error_code,
        error_detail=mirror.error_detail,
    )


def get_manifest(actor: Actor, wanted: ManifestWanted) -> ManifestFacts:
    """Return a version of the manifest; raises NotFound."""
    found: Manifest = find_manifest(named_project(actor, wanted), version=wanted.version)
    return ManifestFacts(
        version=found.number,
        state=ManifestState(found.state),
        commit=found.commit,
        ref=found.ref,
        digest=bytes(found.digest).hex(),
        key_id=found.key_id,
        totals=found.header.get("totals", {}),
        facts=found.facts,
        created_at=found.created_at,
    )


def sync(actor: Actor, wanted: ProjectNamed) -> RunFacts:
    """Queue a look at the repository, or join the one that is live."""
    run, joined = start_sync(actor=actor, project=named_project(actor, wanted))
    return run_facts(run, joined=joined)


def run_facts(run: MirrorRun, *, joined: bool) -> RunFacts:
    """Return what a tool says of a run."""
    return RunFacts(run_id=run.pk, kind=RunKind(run.kind), status=run.status, joined=joined)
