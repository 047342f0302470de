"""The endpoints of what belongs to one run: files, findings, builds."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.common.errors import NotFound
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.signals.api import run_filters
from apps.signals.api.hydration_serializers import BuildOut
from apps.signals.api.run_serializers import RunFileOut, RunFindingOut
from apps.signals.models import DbtBuild, Run, RunFile, RunFinding
from apps.signals.queries.choices import visible_run
from apps.signals.queries.runs import builds_of

RUN = OpenApiParameter("run_pk", uuid.UUID, OpenApiParameter.PATH)


def run_of_address(actor: Any, text: str) -> Run:
    """Return the run that an address names; raises NotFound, for what is no id, too."""
    if not UUID_PATTERN.fullmatch(text):
        raise NotFound
    return visible_run(actor, uuid.UUID(text))


@extend_schema(parameters=[RUN])
class RunFileViewSet(ResourceViewSet[RunFile]):
    """The files of one run."""

    queryset = RunFile.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = RunFileOut
    filterset_class = run_filters.RunFileFilter
    sort_fields = {"path": "path", "bytes": "bytes", "lines": "lines"}
    default_sort = "path"

    def get_queryset(self) -> QuerySet[RunFile]:
        """Return the files of the run in the address."""
        if getattr(self, "swagger_fake_view", False):
            return RunFile.objects.none()
        return RunFile.objects.filter(run=run_of_address(self.actor, self.kwargs["run_pk"]))


@extend_schema(parameters=[RUN])
class RunFindingViewSet(ResourceViewSet[RunFinding]):
    """What was noticed in one run."""

    queryset = RunFinding.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = RunFindingOut
    filterset_class = run_filters.RunFindingFilter
    sort_fields = {"created_at": "created_at", "code": "code", "count": "count"}
    default_sort = "created_at"

    def get_queryset(self) -> QuerySet[RunFinding]:
        """Return the findings of the run in the address."""
        if getattr(self, "swagger_fake_view", False):
            return RunFinding.objects.none()
        return RunFinding.objects.filter(run=run_of_address(self.actor, self.kwargs["run_pk"]))


@extend_schema(parameters=[RUN])
class RunBuildViewSet(ResourceViewSet[DbtBuild]):
    """The dbt builds that one run was in."""

    queryset = DbtBuild.objects.all()
    offers = ("list",)
    permission = "signals.view"
    serializer_class = BuildOut

    def get_queryset(self) -> QuerySet[DbtBuild]:
        """Return the builds of the run in the address."""
        if getattr(self, "swagger_fake_view", False):
            return DbtBuild.objects.none()
        return builds_of(run_of_address(self.actor, self.kwargs["run_pk"]))
