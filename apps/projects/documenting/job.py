"""The job `projects.code_job`: reads code of one manifest and keeps what it has to say."""

from typing import Any, Final

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.queries import initiator
from apps.common.ai import Spent
from apps.common.db import JobStatus
from apps.common.jobs import JobCancelled, Listing, Run, job
from apps.projects.announcing import announce_code_job
from apps.projects.documenting.anchoring import follow_anchors, with_windows
from apps.projects.documenting.asking import may_leave, pack_parcel, question_of, require_model
from apps.projects.documenting.caching import cache_key, find_cached
from apps.projects.documenting.external import ask_model
from apps.projects.documenting.results import Result
from apps.projects.documenting.sources import list_files
from apps.projects.documenting.storing import keep_result
from apps.projects.documenting.structural import Material, Outcome, work_structurally
from apps.projects.documenting.wishes import Wish
from apps.projects.errors import ModelUnavailable
from apps.projects.git.layout import published_repository
from apps.projects.models import CodeJob, Project
from apps.projects.models.project import seen_by
from apps.projects.notices import tell_job_finished
from apps.projects.rights import Right, right_of
from apps.projects.states import Completeness, Engine

RUNNING_MAX: Final = 3
# Reading takes the most of the time; the rest is words.
READING_SHARE: Final = 0.9


def of_living_projects(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out the jobs of deleted projects."""
    return rows.filter(project__deleted_at__isnull=True)


def with_room(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Narrow queued jobs to those whose project runs fewer than RUNNING_MAX and is still there.

    Claims of one organization come one after the other, so the number is exact.
    """
    running = CodeJob.objects.filter(project=OuterRef("project"), status=JobStatus.RUNNING)
    number = running.order_by().values("project").annotate(number=Count("pk")).values("number")
    narrowed: QuerySet[Any] = rows.annotate(running_now=Coalesce(Subquery(number), 0))
    return narrowed.filter(running_now__lt=RUNNING_MAX)


def initiator_may(row: CodeJob) -> bool:
    """Tell whether whoever started the job may still edit the project and run jobs."""
    actor = initiator(row, row.project.organization)
    if actor is None or not Project.objects.visible_to(actor).filter(pk=row.project_id).exists():
        return False
    return right_of(actor, row.project) >= Right.EDIT and actor.may("projects.run", row.project)


@job(
    kind="projects.code_job",
    model="projects.CodeJob",
    listing=Listing(
        permission="projects.view",
        target_type="projects.code_job",
        target_path="pk",
        target_url_name="code-job-detail",
        narrow=of_living_projects,
        visible_to=lambda rows, actor: rows.filter(seen_by(actor, "project__")),
    ),
    attempts=2,
    claimable=with_room,
    may_run=initiator_may,
)
def run_code_job(run: Run[CodeJob]) -> None:
    """Carry out what was asked for, and keep the result."""
    row = run.row
    require_living(row)
    asks_model = require_model(row.project, row.engine)
    material = Material(
        repository=published_repository(row.project.mirror),
        files=list_files(row.manifest),
        type=row.type,
        wish=follow_anchors(Wish.from_request(row.request), row.project.mirror, row.commit),
        beat=lambda share: run.progress(share * READING_SHARE, stage="reading"),
        former_blobs=former_blobs(row),
    )
    outcome = work_structurally(material)
    if asks_model:
        outcome = add_words(run, material, outcome)
    result = with_windows(outcome.result, material.repository, material.files)
    finish(run, result, is_partial=outcome.is_partial)


def add_words(run: Run[CodeJob], material: Material, structural: Outcome) -> Outcome:
    """Return the result with what a language model adds, or an equal one that was kept.

    Raises ModelUnavailable if only a model's answer will do, and there is none.
    """
    row = run.row
    parcel = pack_parcel(material, row.project)
    key = cache_key(row, parcel, structural.result.provenance.sources)
    cached = find_cached(row, key)
    if cached is not None:
        return Outcome(cached, structural.structure, is_partial=False)
    run.write(cache_key=key)
    tokens_in, tokens_out = row.tokens_in, row.tokens_out

    def before_call(spent: Spent) -> bool:
        # Written first: a job that is cancelled now has used them all the same.
        run.write(tokens_in=tokens_in + spent.tokens_in, tokens_out=tokens_out + spent.tokens_out)
        run.check()
        run.progress(READING_SHARE, stage="asking")
        return still_allowed(row)

    question = question_of(material, parcel, organization_id=row.organization_id, before_call=before_call)
    outcome, has_failed = ask_model(question, structural)
    if row.engine == Engine.EXTERNAL and (has_failed or outcome.result.degraded):
        raise ModelUnavailable
    return outcome


def still_allowed(row: CodeJob) -> bool:
    """Tell whether the project's code may leave, and whoever asked may ask, as of now."""
    project = Project.objects.get(pk=row.project_id)
    return may_leave(project, row.engine) and initiator_may(row)


def finish(run: Run[CodeJob], result: Result, *, is_partial: bool) -> None:
    """Keep the result and end the job, unless the project was archived or deleted meanwhile."""
    kept = keep_result(run.row, result)
    with transaction.atomic():
        require_living(run.row)
        run.succeed(
            **kept,
            outcome=Completeness.PARTIAL if is_partial else Completeness.COMPLETE,
            is_degraded=result.degraded,
            source_blobs={source.path: source.blob_id for source in result.provenance.sources},
        )


def former_blobs(row: CodeJob) -> dict[str, str] | None:
    """Return what the last result about the same rests on, None if there is none."""
    same = CodeJob.objects.filter(project=row.project_id, type=row.type, status=JobStatus.SUCCEEDED)
    newest = same.filter(request__covers=row.request["covers"]).order_by("-pk")
    return newest.values_list("source_blobs", flat=True).first()


def require_living(row: CodeJob) -> None:
    """Raise JobCancelled if the project takes no results any more."""
    gone = Q(archived_at__isnull=False) | Q(deleted_at__isnull=False)
    if Project.objects.filter(gone, pk=row.project_id).exists():
        raise JobCancelled


@run_code_job.on_end
def tell_starter(row: CodeJob) -> None:
    """Tell whoever started the job that it has ended."""
    tell_job_finished(row)


@run_code_job.on_change
def tell_watchers(row: CodeJob) -> None:
    """Publish the state of a job to whoever watches its project."""
    announce_code_job(row)
