"""The endpoints of commits and comparisons."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.projects.api import history_serializers as out
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.api.pages import commit_page, position_of
from apps.projects.models import Ref
from apps.projects.queries.history import commit_detail, commits_page, compare_refs
from apps.projects.reading.paths import vet_path

SHA = OpenApiParameter("sha", str, OpenApiParameter.PATH, description="The full id.")


@extend_schema(parameters=[PROJECT])
class HistoryViewSet(ProjectPartViewSet[Ref]):
    """The commits of a project."""

    queryset = Ref.objects.all()
    serializer_class = out.CommitOut
    query_serializer_classes = {"commits": out.HistoryParameters, "compare": out.CompareParameters}

    @extend_schema(operation_id="project_commits_list", responses=out.CommitListOut)
    def commits(self, request: Request, **_: str) -> Response:
        """List the commits of a ref, newest first; with a path those that changed it."""
        asked = self.validated_query()
        path = vet_path(asked.get("path", ""))
        at = position_of(request, self.project, asked, 1)
        skip, size = int(at.place[0]) if at.place else 0, asked["page_size"]
        rows = commits_page(self.project, at.commit, path=path, skip=skip, limit=size + 1)
        page = commit_page(
            request,
            at.commit,
            rows,
            size,
            place=lambda _commit: (skip + size,),
            show=lambda page: self.answer(page, many=True),
        )
        return Response(page)

    @extend_schema(operation_id="project_commit", parameters=[SHA], responses=out.CommitDetailOut)
    def commit(self, request: Request, sha: str, **_: str) -> Response:
        """Return a commit with its body, and the files that it changed against its first parent."""
        return Response(out.CommitDetailOut(commit_detail(self.project, sha)).data)

    @extend_schema(operation_id="project_compare", responses=out.CompareOut)
    def compare(self, request: Request, **_: str) -> Response:
        """Compare two refs line by line."""
        asked = self.validated_query()
        path = vet_path(asked.get("path", ""))
        found = compare_refs(self.project, asked["base"], asked.get("head", ""), path=path)
        return Response(out.CompareOut(found).data)
