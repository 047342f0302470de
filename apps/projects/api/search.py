"""The endpoint of searches."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.projects.api import search_serializers as out
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.models import File
from apps.projects.queries.search import Search, Target, search_project
from apps.projects.reading.search import Mode, Question


@extend_schema(parameters=[PROJECT])
class CodeSearchViewSet(ProjectPartViewSet[File]):
    """Searches in the code or the names of a project."""

    queryset = File.objects.all()
    limits = {"search": "search"}
    serializer_class = out.CodeSearchOut
    query_serializer_classes = {"search": out.CodeSearchParameters}

    @extend_schema(operation_id="project_search", responses=out.CodeSearchOut)
    def search(self, request: Request, **_: str) -> Response:
        """Search the files of a ref: literally, by words, or by POSIX extended expressions."""
        asked = _search_of(self.validated_query())
        return Response(self.answer(search_project(self.actor, self.project, asked)))


def _search_of(asked: dict[str, Any]) -> Search:
    return Search(
        question=Question(asked["q"], Mode(asked["mode"]), is_case_sensitive=asked["case"]),
        target=Target(asked["in"]),
        ref=asked.get("ref", ""),
        glob=asked.get("path", ""),
        languages=frozenset(asked.get("language", ())),
        context=asked["context"],
    )
