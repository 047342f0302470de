"""Tools about code jobs and rename proposals: started here, applied by people alone."""

import uuid
from typing import Annotated, Any, Final

import msgspec

from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import FieldError, Invalid, NotFound
from apps.common.tools import Arguments, Instant, Result
from apps.projects.documenting.results import result_as_markdown
from apps.projects.documenting.storing import load_result
from apps.projects.documenting.wishes import Selection, Wish
from apps.projects.models import CodeJob, Proposal
from apps.projects.models.project import seen_by
from apps.projects.queries.docs import listed_jobs, newest_results
from apps.projects.queries.proposals import visible_proposal
from apps.projects.services.code_jobs import Order, start_code_job
from apps.projects.services.proposals import propose_rename
from apps.projects.states import CodeJobType, Engine, ProposalState, RenameKind, RenameMode
from apps.projects.tools.naming import LineNumber, PathText, ProjectNamed, named_project

TEXT_MAX_CHARS: Final = 150_000
DOCS_MAX: Final = 100


class JobNamed(Arguments):
    """Which code job."""

    job_id: uuid.UUID


class JobWanted(ProjectNamed):
    """What to document, summarise or explain; without targets the whole project."""

    type: CodeJobType
    paths: Annotated[list[PathText], msgspec.Meta(max_length=200)] = msgspec.field(default_factory=list)
    globs: Annotated[list[str], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    line_start: Annotated[
        LineNumber | None, msgspec.Meta(description="Of the one path: what to explain.")
    ] = None
    line_end: LineNumber | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    engine: Engine = Engine.AUTO


class JobFacts(Result):
    """A code job, and what it has to say once it has succeeded, as Markdown."""

    id: uuid.UUID
    project_id: uuid.UUID
    type: CodeJobType
    engine: Engine
    status: JobStatus
    outcome: str
    degraded: bool
    stale: bool
    commit: str
    error_code: str
    result_md: str | None
    truncated: bool
    created_at: Instant


class DocsWanted(ProjectNamed):
    """Which results."""

    type: CodeJobType | None = None


class DocFacts(Result):
    """The newest result of its type about some paths; projects_job gives its text."""

    job_id: uuid.UUID
    type: CodeJobType
    about: list[str]
    stale: bool
    stale_paths: list[str]
    commit: str
    created_at: Instant


class Docs(Result):
    """The newest results of a project."""

    docs: list[DocFacts]
    truncated: bool


class ProposalNamed(Arguments):
    """Which proposal."""

    proposal_id: uuid.UUID


class RenameWanted(ProjectNamed):
    """What is to be called how: by a place in a file, or by its qualified name."""

    new_name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    path: Annotated[str, msgspec.Meta(max_length=4_096)] = ""
    line: LineNumber | None = None
    column: LineNumber | None = None
    qualified_name: Annotated[str, msgspec.Meta(max_length=512)] = ""
    kind: RenameKind = RenameKind.SYMBOL
    mode: RenameMode = RenameMode.SEMANTIC


class ProposalFacts(Result):
    """A rename proposal; people review and apply it."""

    id: uuid.UUID
    project_id: uuid.UUID
    state: ProposalState
    symbol: dict[str, Any]
    new_name: str
    base_ref: str
    base_commit: str
    counts: dict[str, int]
    conflicts: list[dict[str, Any]]
    outcome: str
    applied_commit: str
    error_code: str
    created_at: Instant


def get_job(actor: Actor, wanted: JobNamed) -> JobFacts:
    """Return a code job with its result; raises NotFound."""
    row = listed_jobs().filter(seen_by(actor, "project__"), pk=wanted.job_id).first()
    if row is None:
        raise NotFound("There is no such code job.")
    return _job(row)


def _job(row: CodeJob) -> JobFacts:
    text = ""
    if row.status == JobStatus.SUCCEEDED and (result := load_result(row)) is not None:
        text = result_as_markdown(result)
    return JobFacts(
        id=row.pk,
        project_id=row.project_id,
        type=CodeJobType(row.type),
        engine=Engine(row.engine),
        status=JobStatus(row.status),
        outcome=row.outcome,
        degraded=row.is_degraded,
        stale=bool(getattr(row, "stale", False)),
        commit=row.commit,
        error_code=row.error_code,
        result_md=text[:TEXT_MAX_CHARS] or None,
        truncated=len(text) > TEXT_MAX_CHARS,
        created_at=row.created_at,
    )


def list_docs(actor: Actor, wanted: DocsWanted) -> Docs:
    """Return the newest results of a project; raises NotFound."""
    rows = newest_results().filter(project=named_project(actor, wanted))
    if wanted.type is not None:
        rows = rows.filter(type=wanted.type)
    found = list(rows.order_by("-pk")[: DOCS_MAX + 1])
    return Docs(docs=[_doc(row) for row in found[:DOCS_MAX]], truncated=len(found) > DOCS_MAX)


def _doc(row: Any) -> DocFacts:
    """Return what is said of a job that was listed with what is stale of it."""
    return DocFacts(
        job_id=row.pk,
        type=CodeJobType(row.type),
        about=list(row.request["covers"]),
        stale=bool(row.stale),
        stale_paths=list(row.stale_paths),
        commit=row.commit,
        created_at=row.created_at,
    )


def start_job(actor: Actor, wanted: JobWanted) -> JobFacts:
    """Start a code job, or return the queued or running one that is equal."""
    project = named_project(actor, wanted)
    selection = _selection(wanted)
    wish = Wish(
        paths=() if selection else tuple(wanted.paths),
        globs=tuple(wanted.globs),
        selection=selection,
        instructions=wanted.instructions,
    )
    started = start_code_job(
        actor=actor, project=project, order=Order(type=wanted.type, wish=wish, engine=wanted.engine)
    )
    return _job(started.job)


def _selection(wanted: JobWanted) -> Selection | None:
    if wanted.line_start is None:
        return None
    end = wanted.line_end or wanted.line_start
    if len(wanted.paths) != 1 or end < wanted.line_start:
        detail = "Lines are lines of one path, the first before the last."
        raise Invalid(errors=[FieldError(detail, pointer="/line_start")])
    return Selection(wanted.paths[0], wanted.line_start, end)


def get_proposal(actor: Actor, wanted: ProposalNamed) -> ProposalFacts:
    """Return a rename proposal; raises NotFound."""
    return _proposal(visible_proposal(actor, wanted.proposal_id))


def propose(actor: Actor, wanted: RenameWanted) -> ProposalFacts:
    """Queue the analysis of a rename."""
    project = named_project(actor, wanted)
    row = propose_rename(
        actor=actor,
        project=project,
        symbol=_symbol(wanted),
        new_name=wanted.new_name,
        kind=wanted.kind,
        mode=wanted.mode,
    )
    return _proposal(row)


def _symbol(wanted: RenameWanted) -> dict[str, Any]:
    if wanted.qualified_name:
        return {"qualified_name": wanted.qualified_name}
    if not wanted.path or wanted.line is None or wanted.column is None:
        detail = "Name path, line and column, or a qualified name."
        raise Invalid(errors=[FieldError(detail, code="required", pointer="/path")])
    return {"path": wanted.path, "line": wanted.line, "column": wanted.column}


def _proposal(row: Proposal) -> ProposalFacts:
    return ProposalFacts(
        id=row.pk,
        project_id=row.project_id,
        state=ProposalState(row.state),
        symbol=row.symbol,
        new_name=row.new_name,
        base_ref=row.base_ref,
        base_commit=row.base_commit,
        counts=row.counts,
        conflicts=row.conflicts,
        outcome=row.outcome,
        applied_commit=row.applied_commit,
        error_code=row.error_code,
        created_at=row.created_at,
    )
