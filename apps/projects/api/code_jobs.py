"""The endpoints of code jobs and their results."""

from typing import Any

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.projects.api import code_job_serializers as forms
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.api.code_job_filters import CodeJobFilter, DocsFilter
from apps.projects.documenting.results import result_as_markdown
from apps.projects.documenting.storing import read_result
from apps.projects.models import CodeJob
from apps.projects.queries.docs import listed_jobs, newest_results
from apps.projects.queries.engines import list_engines
from apps.projects.queries.projects import visible_project
from apps.projects.services.code_jobs import rehearse_code_job, start_code_job

EQUAL_OR_REHEARSED = PolymorphicProxySerializer(
    "CodeJobOrRehearsal", [forms.CodeJobOut, forms.RehearsalOut], resource_type_field_name=None
)


class CodeJobViewSet(ResourceViewSet[CodeJob]):
    """Code jobs: documentation, summaries, explanations, better names."""

    queryset = listed_jobs()
    offers = ("list", "retrieve", "create")
    permission = "projects.view"
    permissions = {"create": "projects.run"}
    limits = {"create": "ai"}
    serializer_class = forms.CodeJobOut
    in_serializer_class = forms.CodeJobIn
    query_serializer_classes = {"result": forms.ResultQuery}
    filterset_class = CodeJobFilter

    @extend_schema(request=forms.CodeJobIn, responses={200: EQUAL_OR_REHEARSED, 202: forms.CodeJobOut})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Start a job: 202, or 200 with the equal one that is queued or running."""
        values = self.validated(forms.CodeJobIn)
        project = visible_project(self.actor, values["project_id"])
        order = forms.order_of(values)
        if values["dry_run"]:
            found = rehearse_code_job(actor=self.actor, project=project, order=order)
            return Response(forms.RehearsalOut(found).data)
        started = start_code_job(actor=self.actor, project=project, order=order)
        row = self.get_queryset().get(pk=started.job.pk)
        status = 202 if started.is_new else 200
        return Response(self.answer(row), status=status, headers=self.location_of(row))

    @extend_schema(
        responses={(200, "application/json"): forms.CodeResultOut, (200, "text/markdown"): OpenApiTypes.STR}
    )
    @action(detail=True)
    def result(self, request: Request, pk: str) -> HttpResponseBase:
        """Return what the job has to say."""
        wanted = self.validated_query()["as"]
        found = read_result(self.get_object())
        if wanted == "markdown":
            return HttpResponse(result_as_markdown(found), content_type="text/markdown; charset=utf-8")
        return Response(msgspec.to_builtins(found))


class EngineViewSet(ResourceViewSet[CodeJob]):
    """The engines of code jobs."""

    queryset = CodeJob.objects.none()
    permission = "projects.view"
    serializer_class = forms.EngineOut

    @extend_schema(responses=forms.EngineOut(many=True))
    def engines(self, request: Request) -> Response:
        """Return the engines and how they stand."""
        return Response(forms.EngineOut(list_engines(self.actor), many=True).data)


@extend_schema(parameters=[PROJECT])
class DocsViewSet(ProjectPartViewSet[CodeJob]):
    """The newest result for each type and path of a project."""

    queryset = newest_results()
    offers = ("list",)
    serializer_class = forms.DocsOut
    filterset_class = DocsFilter
