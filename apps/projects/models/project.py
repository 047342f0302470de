"""Projects and their members."""

from typing import Any, Final, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from apps.accounts.models import Membership, Organization, Role, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.projects.states import MemberRole, SyncMode, Visibility

SETTINGS: Final[dict[str, Any]] = {
    "external_ai": False,
    "editors_may_apply": False,
    "second_person_applies": False,
    "exclude_globs": [],
    "ai_exclude_globs": [],
    "history_tips": 5,
    "history_days": 90,
}


def seen_by(actor: Actor, prefix: str = "") -> Q:
    """Return the condition that the project behind `prefix` (say `project__`) is one the actor sees.

    Owner, member, organization admin; every member of the organization if it is visible to all.
    """
    mine = Q(**{f"{prefix}organization": actor.organization, f"{prefix}deleted_at__isnull": True})
    if actor.role is Role.ADMIN:
        return mine
    seen = Q(**{f"{prefix}visibility": Visibility.ORGANIZATION})
    if actor.person is not None:
        joined = ProjectMember.objects.filter(project=OuterRef(f"{prefix}pk" if prefix else "pk"))
        seen |= Q(**{f"{prefix}owner": actor.person}) | Q(Exists(joined.filter(user=actor.person)))
    return mine & seen


class ProjectQuerySet(models.QuerySet["Project"]):
    """Reads of projects."""

    def living(self) -> Self:
        """Leave out the projects that were deleted."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the living projects that the actor sees: the wall between organizations, and within."""
        return self.filter(seen_by(actor))


class Project(Row):
    """A code project of an organization.

    `settings` holds what differs from SETTINGS; read it by `option`. `manifest_seq` is the number of the
    newest manifest.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=160)
    description = models.CharField(max_length=4_000, default="", blank=True)
    visibility = models.TextField(choices=Visibility.choices, default=Visibility.PRIVATE)
    # None follows the remote's default branch.
    tracked_ref = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - empty is no branch
    sync_mode = models.TextField(choices=SyncMode.choices, default=SyncMode.ADAPTIVE)
    sync_interval_s = models.PositiveIntegerField(default=3_600)
    settings = models.JSONField(default=dict, blank=True)
    manifest_seq = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        db_table = "projects_project"
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                condition=Q(deleted_at__isnull=True),
                name="projects_project_name_unique",
            ),
            status_check("projects_project_visibility", "visibility", Visibility),
            status_check("projects_project_sync_mode", "sync_mode", SyncMode),
            models.CheckConstraint(
                condition=Q(sync_interval_s__range=(300, 86_400)), name="projects_project_sync_interval"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def created_by_id(self) -> Any:
        """Return the owner's id: they count as the row's creator, whoever made it."""
        return self.owner_id

    def option(self, name: str) -> Any:
        """Return a setting of the project, its default if it was never set; raises KeyError."""
        return self.settings.get(name, SETTINGS[name])


class ProjectMemberQuerySet(models.QuerySet["ProjectMember"]):
    """Reads of members."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the members of projects that the actor sees."""
        return self.filter(project__in=Project.objects.visible_to(actor))


class ProjectMember(Row):
    """A user who works on a project that is not theirs."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    # Whoever leaves the organization is no member here any more, also when they come back.
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")
    role = models.TextField(choices=MemberRole.choices, default=MemberRole.VIEWER)

    objects = ProjectMemberQuerySet.as_manager()

    class Meta:
        db_table = "projects_member"
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="projects_member_unique"),
            status_check("projects_member_role", "role", MemberRole),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.project_id}"


class PartQuerySet(models.QuerySet[Any]):
    """Reads of what belongs to a project."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to what belongs to projects that the actor sees."""
        return self.filter(project__in=Project.objects.visible_to(actor))
