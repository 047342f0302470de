"""Routing of `/api/v1/projects`, `/ai`, `/refactor` and `/manifest-keys`."""

from django.urls import URLPattern, URLResolver, path, re_path

from apps.common.viewsets import ApiRouter
from apps.projects.api.anchors import AnchorViewSet
from apps.projects.api.base import PROJECT_ROUTE
from apps.projects.api.code_jobs import CodeJobViewSet, DocsViewSet, EngineViewSet
from apps.projects.api.credentials import CredentialViewSet
from apps.projects.api.files import SourceViewSet
from apps.projects.api.history import HistoryViewSet
from apps.projects.api.manifests import ManifestKeyViewSet, ManifestViewSet
from apps.projects.api.members import ProjectMemberViewSet
from apps.projects.api.mirrors import MirrorRunViewSet, MirrorViewSet
from apps.projects.api.projects import ProjectViewSet
from apps.projects.api.proposal_files import ProposalFileViewSet, ProposalResidualViewSet
from apps.projects.api.proposals import ProposalViewSet
from apps.projects.api.search import CodeSearchViewSet
from apps.projects.api.symbols import SymbolViewSet
from apps.projects.api.workers import WorkerHealthViewSet

urlpatterns: list[URLPattern | URLResolver] = []

# Projects, members, credentials
projects = ApiRouter()
projects.register("projects", ProjectViewSet, basename="project")
projects.register(f"{PROJECT_ROUTE}/members", ProjectMemberViewSet, basename="project-member")
projects.register(f"{PROJECT_ROUTE}/credentials", CredentialViewSet, basename="project-credential")
urlpatterns += projects.urls

# Mirrors
syncs = ApiRouter()
syncs.register(f"{PROJECT_ROUTE}/syncs", MirrorRunViewSet, basename="project-sync")
urlpatterns += [
    re_path(
        rf"^{PROJECT_ROUTE}/link-repo$",
        MirrorViewSet.as_view({"post": "link", "delete": "unlink"}),
        name="project-link-repo",
    ),
    re_path(rf"^{PROJECT_ROUTE}/mirror$", MirrorViewSet.as_view({"get": "show"}), name="project-mirror"),
    re_path(
        rf"^{PROJECT_ROUTE}/mirror/reclone$",
        MirrorViewSet.as_view({"post": "reclone"}),
        name="project-mirror-reclone",
    ),
    re_path(
        rf"^{PROJECT_ROUTE}/sync-repo$", MirrorViewSet.as_view({"post": "sync"}), name="project-sync-repo"
    ),
    re_path(rf"^{PROJECT_ROUTE}/refs$", MirrorViewSet.as_view({"get": "refs"}), name="project-refs"),
    *syncs.urls,
]

# How the queues are served
urlpatterns += [
    path("health/workers", WorkerHealthViewSet.as_view({"get": "show"}), name="health-workers"),
]

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

# Code jobs, symbols
code_jobs = ApiRouter()
code_jobs.register("ai/jobs", CodeJobViewSet, basename="code-job")
code_jobs.register(f"{PROJECT_ROUTE}/docs", DocsViewSet, basename="project-docs")
code_jobs.register(f"{PROJECT_ROUTE}/symbols", SymbolViewSet, basename="project-symbol")
urlpatterns += [
    *code_jobs.urls,
    path("ai/engines", EngineViewSet.as_view({"get": "engines"}), name="ai-engines"),
]

# Proposals
PROPOSAL = r"refactor/jobs/(?P<proposal_pk>[^/.]+)"
proposals = ApiRouter()
proposals.register(f"{PROPOSAL}/files", ProposalFileViewSet, basename="rename-file")
proposals.register(f"{PROPOSAL}/residual", ProposalResidualViewSet, basename="rename-residual")
proposals.register("refactor/jobs", ProposalViewSet, basename="rename")
urlpatterns += proposals.urls

# Manifests and anchors
manifests = ApiRouter()
manifests.register(f"{PROJECT_ROUTE}/manifests", ManifestViewSet, basename="project-manifest")
urlpatterns += [
    *manifests.urls,
    *(
        re_path(
            rf"^{PROJECT_ROUTE}/{place}$",
            ManifestViewSet.as_view({method: action}),
            name=f"project-manifest-{action}",
        )
        for place, method, action in (
            ("manifest", "get", "show"),
            ("manifest/document", "get", "document"),
            ("manifest/entries", "get", "entries"),
            ("manifest/diff", "get", "diff"),
            ("manifest/rebuild", "post", "rebuild"),
        )
    ),
    re_path(
        rf"^{PROJECT_ROUTE}/anchors/resolve$",
        AnchorViewSet.as_view({"post": "resolve"}),
        name="project-anchors-resolve",
    ),
    path("manifest-keys", ManifestKeyViewSet.as_view({"get": "show"}), name="manifest-keys"),
]
