"""Routing of `/api/v1/projects`, `/ai`, `/refactor` and `/manifest-keys`."""

from django.urls import URLPattern, URLResolver, re_path

from apps.projects.api.base import PROJECT_ROUTE
from apps.projects.api.files import SourceViewSet
from apps.projects.api.history import HistoryViewSet
from apps.projects.api.search import CodeSearchViewSet

urlpatterns: list[URLPattern | URLResolver] = []

# Files, search, history. A path may hold line ends, which `.` and `path` converters leave out.
PATH = r"(?P<path>[\s\S]+)"
KEY = r"(?P<path_key>[A-Za-z0-9_-]+)"
SHA = r"(?P<sha>[^/]+)"
SOURCE = SourceViewSet.as_view
HISTORY = HistoryViewSet.as_view
SEARCH = CodeSearchViewSet.as_view({"get": "search"})
urlpatterns += [
    re_path(rf"^{PROJECT_ROUTE}/{route}\Z", view, name=name)
    for route, view, name in (
        ("files", SOURCE({"get": "entries"}), "project-files"),
        (f"files/{PATH}", SOURCE({"get": "file"}, detail=True), "project-file"),
        (f"files-by-key/{KEY}", SOURCE({"get": "file_by_key"}, detail=True), "project-file-by-key"),
        (f"raw/{PATH}", SOURCE({"get": "raw"}, detail=True), "project-raw"),
        (f"raw-by-key/{KEY}", SOURCE({"get": "raw_by_key"}, detail=True), "project-raw-by-key"),
        ("search", SEARCH, "project-search"),
        ("commits", HISTORY({"get": "commits"}), "project-commits"),
        (f"commits/{SHA}", HISTORY({"get": "commit"}, detail=True), "project-commit"),
        ("compare", HISTORY({"get": "compare"}), "project-compare"),
    )
]
