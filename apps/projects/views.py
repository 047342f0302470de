"""Pages of projects: the list, a new one, one project, its manifest, its settings."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.models import Membership
from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.projects.models import Credential, Manifest, MirrorRun, Project, ProjectMember
from apps.projects.queries.mirrors import schedule_of
from apps.projects.queries.projects import ProjectShown, describe_project, describe_projects, visible_project
from apps.projects.rights import Right
from apps.projects.states import MemberRole, SyncMode, Visibility

ROWS_PER_PAGE: Final = 50
SEARCH_MAX_CHARS: Final = 200
RUNS_SHOWN: Final = 20
MANIFESTS_SHOWN: Final = 50
PEOPLE_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class ProjectFrame:
    """What the head of every page of one project shows, and which tab is open."""

    shown: ProjectShown
    tab: str
    may_edit: bool
    may_own: bool


def frame_of(actor: Actor, project_id: uuid.UUID, tab: str) -> ProjectFrame:
    """Return the frame of a project's page; raises NotFound for one that the actor does not see."""
    shown = describe_project(actor, visible_project(actor, project_id))
    is_open = shown.project.archived_at is None
    return ProjectFrame(
        shown=shown,
        tab=tab,
        may_edit=is_open and shown.my_right >= Right.EDIT,
        may_own=shown.my_right >= Right.OWN,
    )


@require_safe
@page("projects.view")
def project_list(request: PageRequest) -> HttpResponse:
    """Show the projects that the person sees, fifty a page."""
    search = request.GET.get("search", "").strip()[:SEARCH_MAX_CHARS]
    is_archive = request.GET.get("archived") == "true"
    projects = Project.objects.visible_to(request.actor).filter(archived_at__isnull=not is_archive)
    if search:
        projects = projects.filter(name__icontains=search)
    rows = Paginator(projects.select_related("mirror", "owner").order_by("name", "pk"), ROWS_PER_PAGE)
    shown = rows.get_page(request.GET.get("page"))
    context = {
        "page": shown,
        "projects": describe_projects(request.actor, list(shown)),
        "search": search,
        "is_archive": is_archive,
        "may_create": request.actor.may("projects.create"),
    }
    return render(request, "projects/list.html", context)


@require_safe
@page("projects.create")
def new_project(request: PageRequest) -> HttpResponse:
    """Show the form of a new project."""
    return render(request, "projects/new.html", {"visibilities": Visibility.choices})


@require_safe
@page("projects.view")
def project_page(request: PageRequest, project_id: uuid.UUID) -> HttpResponse:
    """Show one project: its mirror with reason and next look, its runs, its manifest."""
    frame = frame_of(request.actor, project_id, "overview")
    runs = MirrorRun.objects.filter(project=frame.shown.project).select_related("created_by")
    mirror = frame.shown.mirror
    context = {
        "frame": frame,
        "mirror": mirror,
        "runs": runs.order_by("-created_at", "-pk")[:RUNS_SHOWN],
        "schedule_detail": schedule_of(mirror, now=timezone.now()).detail if mirror else "",
        "quota_bytes": (mirror and mirror.quota_bytes) or settings.PROJECTS_MIRROR_MAX_BYTES,
        "credentials": _credentials(frame) if frame.may_own and mirror is None else (),
    }
    return render(request, "projects/project.html", context)


@require_safe
@page("projects.view")
def manifest_page(request: PageRequest, project_id: uuid.UUID) -> HttpResponse:
    """Show the manifests of a project, and what differs between two of them."""
    frame = frame_of(request.actor, project_id, "manifest")
    manifests = Manifest.objects.filter(project=frame.shown.project).order_by("-number")
    context = {"frame": frame, "manifests": manifests[:MANIFESTS_SHOWN], "current": frame.shown.manifest}
    return render(request, "projects/manifest.html", context)


@require_safe
@page("projects.view")
def settings_page(request: PageRequest, project_id: uuid.UUID) -> HttpResponse:
    """Show who works on a project, how it is mirrored, and what may be done with it."""
    frame = frame_of(request.actor, project_id, "settings")
    project = frame.shown.project
    members = ProjectMember.objects.filter(project=project).select_related("user")
    context = {
        "frame": frame,
        "options": {name: project.option(name) for name in _options()},
        "members": members.order_by("user__name", "pk"),
        "credentials": _credentials(frame) if frame.may_own else (),
        "people": _people(frame) if frame.may_own else (),
        "visibilities": Visibility.choices,
        "roles": MemberRole.choices,
        "modes": SyncMode.choices,
        "list_url": reverse("projects:list"),
    }
    return render(request, "projects/settings.html", context)


def _options() -> tuple[str, ...]:
    return (
        "external_ai",
        "editors_may_apply",
        "second_person_applies",
        "exclude_globs",
        "ai_exclude_globs",
        "history_tips",
        "history_days",
    )


def _credentials(frame: ProjectFrame) -> Any:
    rows = Credential.objects.filter(project=frame.shown.project).defer("ciphertext")
    return rows.order_by("label", "pk")


def _people(frame: ProjectFrame) -> list[Membership]:
    """Return who of the organization may still be asked in, or be given the project."""
    project = frame.shown.project
    rows = Membership.objects.filter(organization=project.organization_id, user__is_active=True)
    rows = rows.exclude(user=project.owner_id).select_related("user")
    return list(rows.order_by("user__name", "pk")[:PEOPLE_SHOWN])
