"""The endpoints of a project's members, by the user's id."""

from typing import Any

from rest_framework.reverse import reverse

from apps.projects.api import members_serializers as shapes
from apps.projects.api.base import ProjectPartViewSet
from apps.projects.models import ProjectMember
from apps.projects.rights import Right
from apps.projects.services import members as services

OWN = (Right.OWN, "projects.link")


class ProjectMemberViewSet(ProjectPartViewSet[ProjectMember]):
    """The members of one project."""

    queryset = ProjectMember.objects.select_related("user")
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    rights = {"create": OWN, "partial_update": OWN}  # everybody may leave, see the service
    serializer_class = shapes.ProjectMemberOut
    in_serializer_class = shapes.ProjectMemberIn
    patch_serializer_class = shapes.ProjectMemberPatch
    search_fields = ("user__name", "user__email")
    sort_fields = {"name": "user__name", "created_at": "created_at"}
    default_sort = "name"
    lookup_field = "user_id"

    def create_row(self, values: dict[str, Any]) -> ProjectMember:
        """Make somebody a member."""
        return services.add_member(actor=self.actor, project=self.project, **values)

    def update_row(self, row: ProjectMember, values: dict[str, Any]) -> ProjectMember:
        """Give the member another role."""
        row.project = self.project
        return services.change_member(actor=self.actor, member=row, **values)

    def delete_row(self, row: ProjectMember) -> None:
        """Remove the member, or leave."""
        row.project = self.project
        services.remove_member(actor=self.actor, member=row)

    def location_of(self, row: Any) -> dict[str, str]:
        """Return where the member is found: by the user's id."""
        place = [self.project.pk, row.user_id]
        return {"Location": reverse("project-member-detail", args=place, request=self.request)}
