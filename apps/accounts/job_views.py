"""The board of jobs for people: what runs, waits and failed, with what they may do about it."""

from typing import Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.job_queries import summarize_jobs
from apps.accounts.models import Job
from apps.accounts.models.job import JobQuerySet
from apps.accounts.pages import PageRequest, page
from apps.common.db import JobStatus

ROWS_PER_PAGE: Final = 50
ALL: Final = "all"
DEAD: Final = "dead"
VIEWS: Final = (
    (ALL, "All"),
    (JobStatus.RUNNING.value, "Running"),
    (JobStatus.QUEUED.value, "Queued"),
    (JobStatus.WAITING.value, "Waiting for a decision"),
    (JobStatus.FAILED.value, "Failed"),
    (DEAD, "Dead letters"),
)


@require_safe
@page("accounts.view")
def job_board(request: PageRequest) -> HttpResponse:
    """Show the jobs of the organization, fifty a page, newest first."""
    actor = request.actor
    jobs: JobQuerySet = Job.objects.visible_to(actor)
    summary = summarize_jobs(jobs)
    chosen = request.GET.get("show", ALL)
    rows = narrowed(jobs, chosen).select_related("created_by").defer("error_trace")
    shown = Paginator(rows.order_by("-created_at", "pk"), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    own_id = actor.user.pk if actor.user is not None else None
    context = {
        "page": shown,
        "cancellable": {job.pk for job in shown if job.may_be_cancelled_by(actor, user_id=own_id)},
        "chosen": chosen,
        "views": [(name, label, getattr(summary, name, None)) for name, label in VIEWS],
        "may_retry": actor.may("accounts.manage_jobs"),
        "may_discard": actor.may("accounts.discard_jobs"),
    }
    return render(request, "accounts/jobs.html", context)


def narrowed(jobs: JobQuerySet, chosen: str) -> JobQuerySet:
    """Return the jobs of one view of the board; an unknown one shows all."""
    if chosen == DEAD:
        return jobs.dead()
    return jobs.filter(status=chosen) if chosen in JobStatus.values else jobs
