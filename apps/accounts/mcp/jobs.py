"""Tools for jobs of all kinds: list, look, cancel. Each is seen by whoever may view its product."""

import uuid
from typing import Annotated, Any, Final

import msgspec

from apps.accounts import roles, services
from apps.accounts.models import Job, Role
from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.common.tools import (
    Arguments,
    CursorText,
    Instant,
    NextCursor,
    PageSize,
    Resource,
    Result,
    Tool,
    newest_first,
)


class JobsWanted(Arguments):
    """Which jobs to list."""

    kind: Annotated[str, msgspec.Meta(max_length=80, description="Such as datasets.import.")] = ""
    status: JobStatus | None = None
    dead: Annotated[bool, msgspec.Meta(description="Only those that failed and were not discarded.")] = False
    page_size: PageSize = 50
    cursor: CursorText = ""


class JobNamed(Arguments):
    """One job."""

    id: Annotated[uuid.UUID, msgspec.Meta(description="The job's id.")]


class JobFault(Result):
    """Why a job failed."""

    code: str
    detail: str


class JobTarget(Result):
    """What a job works on."""

    type: str
    id: uuid.UUID
    url: str


class JobFacts(Result):
    """A job of any kind."""

    id: uuid.UUID
    kind: str
    status: JobStatus
    stage: str
    progress: Annotated[float, msgspec.Meta(description="0 to 1.")]
    attempt: int
    max_attempts: int
    next_attempt_at: Instant | None
    error: JobFault | None
    target: JobTarget | None
    cancel_requested: bool
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    uri: str


class JobPage(Result):
    """One page of jobs, the newest first."""

    jobs: list[JobFacts]
    next_cursor: NextCursor


def list_jobs(actor: Actor, wanted: JobsWanted) -> JobPage:
    """Return one page of the jobs that the actor may look at."""
    rows = _visible(actor)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.status is not None:
        rows = rows.filter(status=wanted.status)
    if wanted.dead:
        rows = rows.dead()
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return JobPage(jobs=[facts_of(row) for row in page], next_cursor=next_cursor)


def get_job(actor: Actor, named: JobNamed) -> JobFacts:
    """Return one job; raises NotFound."""
    return facts_of(_found(actor, named.id))


def cancel_job(actor: Actor, named: JobNamed) -> JobFacts:
    """Cancel a job; raises NotFound, and what the service raises."""
    services.cancel_job(actor=actor, job=_found(actor, named.id))
    return facts_of(_found(actor, named.id))


def facts_of(row: Job) -> JobFacts:
    """Return a job as it goes out."""
    return JobFacts(
        id=row.pk,
        kind=row.kind,
        status=JobStatus(row.status),
        stage=row.stage,
        progress=row.progress,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        next_attempt_at=row.next_attempt_at,
        error=JobFault(code=row.error_code, detail=row.error_detail) if row.error_code else None,
        target=JobTarget(type=row.target_type, id=row.target_id, url=row.target_url)
        if row.target_id
        else None,
        cancel_requested=row.cancel_requested_at is not None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        uri=JOB_RESOURCE.address_of(row.pk),
    )


def _visible(actor: Actor) -> Any:
    return Job.objects.visible_to(actor).defer("error_trace")  # the trace is for operators


def _found(actor: Actor, job_id: uuid.UUID) -> Job:
    row: Job | None = _visible(actor).filter(pk=job_id).first()
    if row is None:
        raise NotFound("There is no such job.")
    return row


def _may_have_started_jobs(actor: Actor) -> bool:
    """Tell whether the actor may do more than look: who starts a job may cancel it."""
    return bool(actor.permissions - roles.PERMISSIONS[Role.VIEWER])


JOB_RESOURCE: Final = Resource(
    app="jobs",
    type="job",
    title="Job",
    description="Work in the background: its state, progress and error.",
    permission="",
    rows=_visible,
    name_of=str,
    content_of=facts_of,
    is_listed=False,  # there are many, and few of them are worth a model's look
)
TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="jobs_list",
        title="Jobs",
        description="List jobs of all kinds, the newest first: imports and other work in the background.",
        permission="",
        arguments=JobsWanted,
        result=JobPage,
        call=list_jobs,
    ),
    Tool(
        name="jobs_get",
        title="One job",
        description="Return a job: its status, progress from 0 to 1, and why it failed if it did.",
        permission="",
        arguments=JobNamed,
        result=JobFacts,
        call=get_job,
    ),
    Tool(
        name="jobs_cancel",
        title="Cancel a job",
        description="Cancel a job that you started, with the permission accounts.manage_jobs any. One that"
        " runs stops as soon as its worker notices.",
        permission="accounts.manage_jobs",
        offered=_may_have_started_jobs,
        arguments=JobNamed,
        result=JobFacts,
        call=cancel_job,
        writes=True,
        is_destructive=True,
        is_repeatable=True,
    ),
)
