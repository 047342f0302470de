"""The endpoints of files: listings, one file, its bytes."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.etags import is_fresh, strong_etag
from apps.projects.api import files_serializers as out
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.api.downloads import raw_answer
from apps.projects.api.pages import RefParameters, commit_page, position_of
from apps.projects.models import File
from apps.projects.queries.files import FoundFile, files_page, find_file
from apps.projects.reading.content import LineRange
from apps.projects.reading.listing import Wanted
from apps.projects.reading.paths import path_of_key, vet_path
from apps.projects.states import FileKind

PLACE_PARTS = 2
PATH = OpenApiParameter("path", str, OpenApiParameter.PATH, description="Percent-encoded, `/` as it is.")
KEY = OpenApiParameter("path_key", str, OpenApiParameter.PATH, description="base64url of the path's bytes.")
RANGE_HEADERS = (
    OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One range, such as `bytes=0-99`."),
    OpenApiParameter("If-Range", str, OpenApiParameter.HEADER, description="The ETag that the range is of."),
)
RAW_RESPONSES: Final[Mapping[Any, Any]] = {
    (200, "application/octet-stream"): OpenApiTypes.BINARY,
    (200, "text/plain"): OpenApiTypes.BINARY,
    (206, "application/octet-stream"): OpenApiTypes.BINARY,
    416: OpenApiResponse(description="The range lies outside the file."),
}
NO_BYTES: Final = frozenset({FileKind.DIR, FileKind.SUBMODULE})


def _wanted(asked: dict[str, Any]) -> Wanted:
    folder = path_of_key(asked["path_key"]) if "path_key" in asked else vet_path(asked.get("path", ""))
    return Wanted(
        folder=folder,
        is_recursive=asked["recursive"],
        kinds=frozenset(asked.get("kind", ())),
        languages=frozenset(asked.get("language", ())),
    )


def _etag_of(found: FoundFile, *parts: str) -> str:
    return strong_etag(found.entry.blob_id, found.entry.mode, found.entry.path, *parts)


@extend_schema(parameters=[PROJECT])
class SourceViewSet(ProjectPartViewSet[File]):
    """The files of a project at a ref."""

    queryset = File.objects.all()
    serializer_class = out.TreeEntryOut
    blank_parameters = frozenset({"path"})
    query_serializer_classes = {
        "entries": out.FolderParameters,
        "file": out.LineParameters,
        "file_by_key": out.LineParameters,
        "raw": RefParameters,
        "raw_by_key": RefParameters,
    }

    @extend_schema(operation_id="project_files_list", responses=out.TreePageOut)
    def entries(self, request: Request, **_: str) -> Response:
        """List a folder, or all below it: folders first, then by bytes."""
        asked = self.validated_query()
        wanted = _wanted(asked)
        at = position_of(request, self.project, asked, PLACE_PARTS)
        after = (bool(at.place[0]), path_of_key(at.place[1])) if at.place is not None else None
        size = asked["page_size"]
        rows = files_page(self.project, at.commit, wanted, after=after, limit=size + 1)
        page = commit_page(
            request,
            at.commit,
            rows,
            size,
            place=lambda entry: (entry.place[0], entry.path_key),
            show=lambda page: self.answer(page, many=True),
        )
        return Response(page)

    @extend_schema(operation_id="project_file", parameters=[PATH], responses=out.TreeFileOut)
    def file(self, request: Request, path: str, **_: str) -> Response:
        """Return a file with its text, or some of its lines."""
        return self._file(vet_path(path))

    @extend_schema(operation_id="project_file_by_key", parameters=[KEY], responses=out.TreeFileOut)
    def file_by_key(self, request: Request, path_key: str, **_: str) -> Response:
        """Return a file that is named by its key, whatever the bytes of its path are."""
        return self._file(path_of_key(path_key))

    @extend_schema(operation_id="project_raw", parameters=[PATH, *RANGE_HEADERS], responses=RAW_RESPONSES)
    def raw(self, request: Request, path: str, **_: str) -> HttpResponseBase:
        """Return the bytes of a file, or a range of them, as a download."""
        return self._raw(vet_path(path))

    @extend_schema(
        operation_id="project_raw_by_key", parameters=[KEY, *RANGE_HEADERS], responses=RAW_RESPONSES
    )
    def raw_by_key(self, request: Request, path_key: str, **_: str) -> HttpResponseBase:
        """Return the bytes of a file that is named by its key."""
        return self._raw(path_of_key(path_key))

    def _file(self, path: bytes) -> Response:
        asked = self.validated_query()
        lines = LineRange(asked.get("start"), asked.get("end"))
        found = find_file(self.project, asked.get("ref", ""), path, wants_facts=False)
        etag = _etag_of(found, str(lines.start), str(lines.end))
        if is_fresh(self.request, etag):
            # Answered before the blob is read; the base turns it into a 304.
            return Response(headers={"ETag": etag})
        return Response(out.TreeFileOut(found.read(lines)).data, headers={"ETag": etag})

    def _raw(self, path: bytes) -> HttpResponseBase:
        asked = self.validated_query()
        found = find_file(self.project, asked.get("ref", ""), path)
        if found.entry.kind in NO_BYTES:
            raise NotFound
        etag = _etag_of(found)
        if is_fresh(self.request, etag):
            return HttpResponse(headers={"ETag": etag})
        return raw_answer(self.request, found, etag)
