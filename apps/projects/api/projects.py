"""The endpoints of projects themselves."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.permissions import Actor
from apps.common.filters import Choice, StrictFilterSet, one_of
from apps.common.viewsets import ResourceViewSet
from apps.projects.api import projects_serializers as shapes
from apps.projects.models import Project
from apps.projects.queries.projects import OWNER, describe_project, describe_projects, reread, with_role
from apps.projects.services import deletions
from apps.projects.services import projects as services
from apps.projects.states import MemberRole, Visibility

ROLES = ((OWNER, "Owner"), *MemberRole.choices)


class ProjectFilter(StrictFilterSet):
    """Projects by what the caller is there, by visibility, and whether they rest."""

    role = Choice(choices=ROLES, method="filter_role", help_text="What the caller is there.")
    visibility = one_of(Visibility)
    archived = django_filters.BooleanFilter(method="filter_archived", help_text="By default false.")

    class Meta:
        model = Project
        fields: list[str] = []

    def filter_role(self, rows: QuerySet[Project], _name: str, value: str) -> QuerySet[Project]:
        """Narrow to the projects in which the caller is that."""
        return with_role(rows, self.request.actor.person, value)

    def filter_archived(self, rows: QuerySet[Project], _name: str, value: bool) -> QuerySet[Project]:
        """Narrow to the projects that rest, or do not."""
        return rows.filter(archived_at__isnull=not value)

    def filter_queryset(self, queryset: QuerySet[Project]) -> QuerySet[Project]:
        """Leave archived projects out unless somebody asks for them."""
        rows: QuerySet[Project] = super().filter_queryset(queryset)
        return rows if self.form.cleaned_data.get("archived") else rows.filter(archived_at__isnull=True)


class ProjectViewSet(ResourceViewSet[Project]):
    """Code projects."""

    queryset = Project.objects.select_related("mirror", "owner")
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "projects.view"
    permissions = {
        "create": "projects.create",
        "partial_update": "projects.link",
        "destroy": "projects.delete",
        "archive": "projects.link",
        "unarchive": "projects.link",
        "transfer": "projects.link",
    }
    serializer_class = shapes.ProjectOut
    in_serializer_class = shapes.ProjectIn
    patch_serializer_class = shapes.ProjectPatch
    query_serializer_classes = {"destroy": shapes.ProjectRemoval}
    filterset_class = ProjectFilter
    search_fields = ("name", "description")
    sort_fields = {"name": "name", "created_at": "created_at", "updated_at": "updated_at"}
    default_sort = "name"

    actor: Actor

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Answer with what else is shown of projects, looked up for all of them at once."""
        shown = describe_projects(self.actor, row) if many else describe_project(self.actor, row)
        return super().answer(shown, many=many)

    def create_row(self, values: dict[str, Any]) -> Project:
        """Create a project, and link a repository to it if there is one to link."""
        create = services.create_linked_project if "repo" in values else services.create_project
        return reread(create(actor=self.actor, **values))

    def update_row(self, row: Project, values: dict[str, Any]) -> Project:
        """Change the project."""
        return reread(services.update_project(actor=self.actor, project=row, **values))

    @extend_schema(parameters=[shapes.ProjectRemoval], responses={202: shapes.ProjectDeletedOut})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hide the project and destroy its credentials; operators can restore it for 7 days."""
        gone = deletions.delete_project(
            actor=self.actor, project=self._guarded_object(), **self.validated_query()
        )
        return Response(shapes.ProjectDeletedOut(gone).data, status=202)

    @extend_schema(request=None, responses=shapes.ProjectOut)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Let the project rest: it can be read, nothing runs and nothing changes."""
        row = services.archive_project(actor=self.actor, project=self.get_object())
        return Response(self.answer(reread(row)))

    @extend_schema(request=None, responses=shapes.ProjectOut)
    @action(detail=True, methods=["post"])
    def unarchive(self, request: Request, pk: str) -> Response:
        """Let an archived project go on."""
        row = services.unarchive_project(actor=self.actor, project=self.get_object())
        return Response(self.answer(reread(row)))

    @extend_schema(request=shapes.ProjectTransfer, responses=shapes.ProjectOut)
    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, pk: str) -> Response:
        """Give the project to another owner; the one before stays as an editor."""
        row, values = self.get_object(), self.validated(shapes.ProjectTransfer)
        return Response(
            self.answer(reread(services.transfer_project(actor=self.actor, project=row, **values)))
        )
