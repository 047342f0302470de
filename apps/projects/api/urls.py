"""Routing of `/api/v1/projects`, `/ai`, `/refactor` and `/manifest-keys`."""

from django.urls import URLPattern, URLResolver, path

from apps.common.viewsets import ApiRouter
from apps.projects.api.base import PROJECT_ROUTE
from apps.projects.api.code_jobs import CodeJobViewSet, DocsViewSet, EngineViewSet
from apps.projects.api.credentials import CredentialViewSet
from apps.projects.api.members import ProjectMemberViewSet
from apps.projects.api.projects import ProjectViewSet
from apps.projects.api.symbols import SymbolViewSet

urlpatterns: list[URLPattern | URLResolver] = []

# Projects, members, credentials
projects = ApiRouter()
projects.register("projects", ProjectViewSet, basename="project")
projects.register(f"{PROJECT_ROUTE}/members", ProjectMemberViewSet, basename="project-member")
projects.register(f"{PROJECT_ROUTE}/credentials", CredentialViewSet, basename="project-credential")
urlpatterns += projects.urls

# Code jobs, symbols
code_jobs = ApiRouter()
code_jobs.register("ai/jobs", CodeJobViewSet, basename="code-job")
code_jobs.register(f"{PROJECT_ROUTE}/docs", DocsViewSet, basename="project-docs")
code_jobs.register(f"{PROJECT_ROUTE}/symbols", SymbolViewSet, basename="project-symbol")
urlpatterns += [
    *code_jobs.urls,
    path("ai/engines", EngineViewSet.as_view({"get": "engines"}), name="ai-engines"),
]
