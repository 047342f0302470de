"""Routing of `/api/v1/projects`, `/ai`, `/refactor` and `/manifest-keys`."""

from django.urls import URLPattern, URLResolver

from apps.common.viewsets import ApiRouter
from apps.projects.api.proposal_files import ProposalFileViewSet, ProposalResidualViewSet
from apps.projects.api.proposals import ProposalViewSet

urlpatterns: list[URLPattern | URLResolver] = []

# Proposals
PROPOSAL = r"refactor/jobs/(?P<proposal_pk>[^/.]+)"
proposals = ApiRouter()
proposals.register(f"{PROPOSAL}/files", ProposalFileViewSet, basename="rename-file")
proposals.register(f"{PROPOSAL}/residual", ProposalResidualViewSet, basename="rename-residual")
proposals.register("refactor/jobs", ProposalViewSet, basename="rename")
urlpatterns += proposals.urls
