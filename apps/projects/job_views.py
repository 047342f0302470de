"""Pages of code jobs: what is documented, and one result."""

import uuid
from typing import Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.projects.boards import sections_of
from apps.projects.documenting.storing import load_result
from apps.projects.models import CodeJob
from apps.projects.queries.docs import listed_jobs, newest_results
from apps.projects.states import CodeJobType
from apps.projects.views import frame_of

ROWS_PER_PAGE: Final = 30
RESULTS_SHOWN: Final = 100
# A job about some lines needs them: it is started where they are read.
STARTABLE: Final = [choice for choice in CodeJobType.choices if choice[0] != CodeJobType.EXPLANATION]


@require_safe
@page("projects.view")
def jobs_page(request: PageRequest, project_id: uuid.UUID) -> HttpResponse:
    """Show what is documented of a project, the jobs, and the form of a new one."""
    frame = frame_of(request.actor, project_id, "jobs")
    project = frame.shown.project
    jobs = listed_jobs().filter(project=project).order_by("-created_at", "-pk")
    context = {
        "frame": frame,
        "results": newest_results().filter(project=project).order_by("-finished_at", "-pk")[:RESULTS_SHOWN],
        "page": Paginator(jobs, ROWS_PER_PAGE).get_page(request.GET.get("page")),
        "types": STARTABLE,
    }
    return render(request, "projects/jobs.html", context)


@require_safe
@page("projects.view")
def job_page(request: PageRequest, project_id: uuid.UUID, job_id: uuid.UUID) -> HttpResponse:
    """Show one job: how far it is, or what it says and what that rests on."""
    frame = frame_of(request.actor, project_id, "jobs")
    job: CodeJob = get_object_or_404(listed_jobs().filter(project=frame.shown.project), pk=job_id)
    result = load_result(job) if job.status == JobStatus.SUCCEEDED else None
    if job.status == JobStatus.SUCCEEDED and result is None:
        raise NotFound("This result is not kept any more.")
    context = {
        "frame": frame,
        "job": job,
        "result": result,
        "sections": sections_of(result) if result else (),
    }
    return render(request, "projects/job.html", context)
