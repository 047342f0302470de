"""Pages of renames: the list with the form of a new one, and one proposal."""

import uuid
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.projects.boards import files_of, unscanned_reasons
from apps.projects.models import Application, Proposal
from apps.projects.queries.proposals import left_occurrences, listed_proposals
from apps.projects.services.applications import default_message
from apps.projects.states import ProposalState
from apps.projects.views import frame_of

ROWS_PER_PAGE: Final = 30
FILES_PER_PAGE: Final = 100
LEFT_SHOWN: Final = 200
ASKED_MAX_CHARS: Final = 4_200


@require_safe
@page("projects.view")
def renames_page(request: PageRequest, project_id: uuid.UUID) -> HttpResponse:
    """Show the rename proposals of a project, and the form of a new one."""
    frame = frame_of(request.actor, project_id, "renames")
    rows = listed_proposals().filter(project=frame.shown.project).order_by("-created_at", "-pk")
    asked = {name: request.GET.get(name, "")[:ASKED_MAX_CHARS] for name in ("job", "index", "name", "of")}
    context = {
        "frame": frame,
        "page": Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page")),
        "asked": asked,
    }
    return render(request, "projects/renames.html", context)


@require_safe
@page("projects.view")
def rename_page(request: PageRequest, project_id: uuid.UUID, proposal_id: uuid.UUID) -> HttpResponse:
    """Show one proposal: what is certain, unsure, refused and left, and what people decided."""
    frame = frame_of(request.actor, project_id, "renames")
    rows = listed_proposals().filter(project=frame.shown.project)
    proposal: Proposal = get_object_or_404(rows, pk=proposal_id)
    is_open = proposal.state == ProposalState.PROPOSED and frame.may_edit
    files = Paginator(proposal.files.order_by("ordinal"), FILES_PER_PAGE).get_page(request.GET.get("page"))
    left = left_occurrences(proposal)
    context: dict[str, Any] = {
        "frame": frame,
        "proposal": proposal,
        "page": files,
        "files": files_of(proposal, list(files)),
        "left": left.after(-1, LEFT_SHOWN),
        "left_count": left.count(),
        "unscanned": unscanned_reasons(left.unscanned()),
        "may_decide": is_open,
        "may_apply": is_open and (frame.may_own or bool(frame.shown.project.option("editors_may_apply"))),
        "application": Application.objects.filter(proposal=proposal).order_by("-created_at").first(),
        "default_message": default_message(proposal) if proposal.symbol else "",
    }
    return render(request, "projects/rename.html", context)
