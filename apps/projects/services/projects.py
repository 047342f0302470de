"""What people do with a project itself: create, change, archive, give away. `deletions` has its end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import Membership, Role
from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import live
from apps.common.errors import Conflict, Duplicate, FieldError, Invalid
from apps.projects.models import Project, ProjectMember
from apps.projects.models.project import SETTINGS
from apps.projects.rights import Right, require_right
from apps.projects.services.guards import lock_project, require_edit, require_own
from apps.projects.services.mirrors import link_repo, reschedule_mirror, start_rebuild, stop_mirror
from apps.projects.services.work import cancel_work
from apps.projects.states import MemberRole, Visibility

__all__ = [
    "NameTaken", "archive_project", "create_linked_project", "create_project", "require_edit", "require_own",
    "transfer_project", "unarchive_project", "update_project",
]  # fmt: skip

CHANGEABLE: Final = (
    "name", "description", "visibility", "tracked_ref", "sync_mode", "sync_interval_s", "settings",
)  # fmt: skip


EXCLUDED: Final = "exclude_globs"


class NameTaken(Duplicate):
    """The organization has another project of this name."""

    code = "projects.name_taken"


@transaction.atomic
def create_project(
    *, actor: Actor, name: str, description: str = "", visibility: str = Visibility.PRIVATE
) -> Project:
    """Create a project without a repository, owned by the person behind the actor; raises NameTaken."""
    require(actor, "projects.create")
    project = Project(
        organization=actor.organization,
        owner=actor.person,
        name=name,
        description=description,
        visibility=visibility,
    )
    save_named(project)
    record_audit(
        actor=actor,
        verb="projects.created",
        target=project,
        changes={"name": name, "visibility": visibility},
    )
    return project


@transaction.atomic
def create_linked_project(*, actor: Actor, repo: Mapping[str, Any], **fields: Any) -> Project:
    """Create a project that mirrors a repository; raises what `create_project` and `link_repo` raise."""
    project = create_project(actor=actor, **fields)
    with pointing_into("/repo"):
        link_repo(actor=actor, project=project, **repo)
    return project


@contextmanager
def pointing_into(pointer: str) -> Iterator[None]:
    """Let what the code inside says of fields be said of those below `pointer`."""
    try:
        yield
    except Invalid as error:
        error.errors = tuple(replace(item, pointer=f"{pointer}{item.pointer or ''}") for item in error.errors)
        raise


@transaction.atomic
def update_project(*, actor: Actor, project: Project, **changes: Any) -> Project:
    """Change what CHANGEABLE names; of `settings` only those that are given. Raises NameTaken.

    What the tree is read by (tracked_ref, exclude_globs) queues a run that builds the manifest anew.
    """
    project = lock_project(project)
    require_own(actor, project, "projects.link")
    before = list(project.option(EXCLUDED))
    if "settings" in changes:
        changes["settings"] = merged_settings(project, changes["settings"])
    changed = {name: value for name, value in changes.items() if getattr(project, name) != value}
    if not changed:
        return project
    for name, value in changed.items():
        setattr(project, name, value)
    project.version += 1
    save_named(project, update_fields=[*changed, "version", "updated_at"])
    if project.option(EXCLUDED) != before:
        changed[EXCLUDED] = project.option(EXCLUDED)
    record_audit(actor=actor, verb="projects.changed", target=project, changes=changed)
    _follow_change(actor, project, changed)
    return project


def _follow_change(actor: Actor, project: Project, changed: Mapping[str, Any]) -> None:
    """Let mirror, manifest and watchers follow what was changed."""
    if "visibility" in changed:
        live.revoke(organization_id=project.organization_id)
    if changed.keys() & {"sync_mode", "sync_interval_s"}:
        reschedule_mirror(project)
    if changed.keys() & {"tracked_ref", EXCLUDED}:
        start_rebuild(actor=actor, project=project)


@transaction.atomic
def archive_project(*, actor: Actor, project: Project) -> Project:
    """Let a project rest: it is read as before, nothing runs, nothing changes. Raises ProjectArchived."""
    project = lock_project(project)
    require_own(actor, project, "projects.link")
    project.archived_at = timezone.now()
    _save(project, "archived_at")
    stop_mirror(project)
    cancel_work(project)
    reschedule_mirror(project)
    record_audit(actor=actor, verb="projects.archived", target=project)
    return project


@transaction.atomic
def unarchive_project(*, actor: Actor, project: Project) -> Project:
    """Let an archived project go on; raises Conflict for one that is not."""
    project = lock_project(project)
    require_right(actor, project, Right.OWN, "projects.link", is_archived_fine=True)
    if project.archived_at is None:
        raise Conflict("The project is not archived.")
    project.archived_at = None
    _save(project, "archived_at")
    reschedule_mirror(project)
    record_audit(actor=actor, verb="projects.unarchived", target=project)
    return project


@transaction.atomic
def transfer_project(*, actor: Actor, project: Project, user_id: Any) -> Project:
    """Give a project to another member of the organization, an analyst or higher; raises Invalid.

    The owner before stays as an editor, as far as their role in the organization lets them.
    """
    # Locked, so that of two transfers at once the second sees whose the project is by then.
    project = lock_project(project)
    require_own(actor, project, "projects.link")
    membership = membership_of(project, user_id)
    if membership.role == Role.VIEWER:
        raise invalid_user("An owner needs the role of an analyst in the organization.")
    before = project.owner_id
    if membership.user_id == before:
        return project
    project.owner = membership.user
    _save(project, "owner")
    ProjectMember.objects.filter(project=project, user=membership.user).delete()
    _keep_as_editor(project, before)
    record_audit(
        actor=actor,
        verb="projects.transferred",
        target=project,
        changes={"owner_id": str(membership.user_id), "previous_owner_id": str(before) if before else None},
    )
    return project


def merged_settings(project: Project, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the project's settings with those that are given; what is as by default is not kept."""
    whole = {**project.settings, **given}
    return {name: value for name, value in whole.items() if value != SETTINGS[name]}


def membership_of(project: Project, user_id: Any) -> Membership:
    """Return the membership of a user in the project's organization; raises Invalid."""
    found = (
        Membership.objects.select_related("user", "organization")
        .filter(organization=project.organization_id, user=user_id, user__is_active=True)
        .first()
    )
    if found is None:
        raise invalid_user("No member of the organization has this id.")
    return found


def invalid_user(detail: str) -> Invalid:
    """Return the error that `user_id` names nobody who would do."""
    return Invalid(errors=[FieldError(detail, pointer="/user_id")])


def save_named(project: Project, **options: Any) -> None:
    """Save a project; raises NameTaken if a living one of the organization is called so, in any case."""
    unless_taken(lambda: project.save(**options))


def unless_taken(save: Callable[[], object]) -> None:
    """Call what writes a name; raises NameTaken, which leaves the transaction usable."""
    try:
        with transaction.atomic():
            save()
    except IntegrityError as error:
        if "projects_project_name_unique" not in str(error):
            raise
        raise NameTaken from error


def _save(project: Project, *names: str) -> None:
    project.version += 1
    project.save(update_fields=[*names, "version", "updated_at"])


def _keep_as_editor(project: Project, user_id: Any) -> None:
    """Make the owner before a member, unless they have left the organization."""
    membership = Membership.objects.filter(organization=project.organization_id, user=user_id).first()
    if membership is not None:
        role = MemberRole.VIEWER if membership.role == Role.VIEWER else MemberRole.EDITOR
        ProjectMember.objects.create(
            organization=project.organization,
            project=project,
            user_id=membership.user_id,
            membership=membership,
            role=role,
        )
