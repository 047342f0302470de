"""Routing of `/api/v1/projects`, `/ai`, `/refactor` and `/manifest-keys`."""

from django.urls import URLPattern, URLResolver, re_path

from apps.projects.api.base import PROJECT_ROUTE
from apps.projects.api.files import SourceViewSet
from apps.projects.api.search import CodeSearchViewSet

urlpatterns: list[URLPattern | URLResolver] = []

# Files. A path may hold line ends, which neither `.` nor a `path` converter takes.
PATH = r"(?P<path>(?s:.+))"
KEY = r"(?P<path_key>[A-Za-z0-9_-]+)"
urlpatterns += [
    re_path(rf"^{PROJECT_ROUTE}/files$", SourceViewSet.as_view({"get": "entries"}), name="project-files"),
    re_path(
        rf"^{PROJECT_ROUTE}/files/{PATH}\Z",
        SourceViewSet.as_view({"get": "file"}, detail=True),
        name="project-file",
    ),
    re_path(
        rf"^{PROJECT_ROUTE}/files-by-key/{KEY}\Z",
        SourceViewSet.as_view({"get": "file_by_key"}, detail=True),
        name="project-file-by-key",
    ),
    re_path(
        rf"^{PROJECT_ROUTE}/raw/{PATH}\Z",
        SourceViewSet.as_view({"get": "raw"}, detail=True),
        name="project-raw",
    ),
    re_path(
        rf"^{PROJECT_ROUTE}/raw-by-key/{KEY}\Z",
        SourceViewSet.as_view({"get": "raw_by_key"}, detail=True),
        name="project-raw-by-key",
    ),
]

# Search.
urlpatterns += [
    re_path(
        rf"^{PROJECT_ROUTE}/search$", CodeSearchViewSet.as_view({"get": "search"}), name="project-search"
    ),
]
