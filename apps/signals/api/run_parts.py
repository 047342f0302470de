"""The endpoints of what belongs to one run: files, findings, builds."""

import uuid
from typing import Any, TypeVar

from django.db import models
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.common.errors import NotFound
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.signals.api import run_filters
from apps.signals.api.hydration_serializers import BuildOut
from apps.signals.api.run_serializers import RunFileOut, RunFindingOut
from apps.signals.models import DbtBuild, Run, RunFile, RunFinding
from apps.signals.queries.choices import visible_run
from apps.signals.queries.runs import builds_of

ModelT = TypeVar("ModelT", bound=models.Model)

RUN = OpenApiParameter("run_pk", uuid.UUID, OpenApiParameter.PATH)


def run_of_address(actor: Any, text: str) -> Run:
    """Return the run that an address names; raises NotFound, for what is no id, too."""
    if not UUID_PATTERN.fullmatch(text):
        raise NotFound
    return visible_run(actor, uuid.UUID(text))


class RunPartViewSet(ResourceViewSet[ModelT]):
    """The rows of `queryset` that belong to the run in the address."""

    offers = ("list",)
    permission = "signals.view"

    def get_queryset(self) -> Any:
        """Return the rows of the run in the address."""
        # Without the wall of the base class: the run was found behind the same one.
        rows = super(ResourceViewSet, self).get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return self.of_run(rows, run_of_address(self.actor, self.kwargs["run_pk"]))

    def of_run(self, rows: Any, run: Run) -> Any:
        """Narrow the rows to those of a run."""
        return rows.filter(run=run)


@extend_schema(parameters=[RUN])
class RunFileViewSet(RunPartViewSet[RunFile]):
    """The files of one run."""

    queryset = RunFile.objects.all()
    serializer_class = RunFileOut
    filterset_class = run_filters.RunFileFilter
    sort_fields = {"path": "path", "bytes": "bytes", "lines": "lines"}
    default_sort = "path"


@extend_schema(parameters=[RUN])
class RunFindingViewSet(RunPartViewSet[RunFinding]):
    """What was noticed in one run."""

    queryset = RunFinding.objects.all()
    serializer_class = RunFindingOut
    filterset_class = run_filters.RunFindingFilter
    sort_fields = {"created_at": "created_at", "code": "code", "count": "count"}
    default_sort = "created_at"


@extend_schema(parameters=[RUN])
class RunBuildViewSet(RunPartViewSet[DbtBuild]):
    """The dbt builds that one run was in."""

    queryset = DbtBuild.objects.all()
    serializer_class = BuildOut

    def of_run(self, rows: Any, run: Run) -> Any:
        """Narrow the builds to those that a run was in."""
        return builds_of(run)
