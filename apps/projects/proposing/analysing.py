"""The job `projects.rename`: from a wish over the sources of the base commit to a proposal."""

from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.accounts.queries import initiator
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.jobs import JobCancelled, LeaseLost, Listing, job
from apps.common.jobs.kinds import Rows
from apps.projects.announcing import announce_proposal
from apps.projects.faults import fault
from apps.projects.git.layout import published_repository
from apps.projects.models import Project, Proposal, ProposalFile
from apps.projects.models.project import seen_by
from apps.projects.notices import tell_analysis_failed, tell_proposal_ready
from apps.projects.proposing.inheriting import inherit_decisions
from apps.projects.proposing.moving import move_proposal, reopen_analysis
from apps.projects.proposing.recording import analysis_columns, candidate_conflicts, file_rows
from apps.projects.proposing.sources import Collected, collect_sources, listed_files, main_language
from apps.projects.proposing.wishing import old_name, wish_of
from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.errors import SymbolAmbiguous, SymbolNotFound
from apps.projects.renaming.values import Analysis
from apps.projects.rights import Right, right_of
from apps.projects.states import ProposalState

INSERT_BATCH: Final = 200


def one_per_project(rows: Rows) -> Rows:
    """Leave out the proposals of projects of which another is being analysed."""
    running = Proposal.objects.filter(project=OuterRef("project"), status=JobStatus.RUNNING)
    return rows.exclude(Exists(running))


def initiator_may(row: Proposal) -> bool:
    """Tell whether whoever started the analysis may still edit the project; the installation may."""
    actor = initiator(row, row.organization)
    if actor is None or not Project.objects.visible_to(actor).filter(pk=row.project_id).exists():
        return False
    return right_of(actor, row.project) >= Right.EDIT and actor.may("projects.run", row.project)


@job(
    kind="projects.rename",
    model="projects.Proposal",
    queue="default",
    attempts=2,
    listing=Listing(
        permission="projects.view",
        target_type="projects.proposal",
        target_path="pk",
        target_url_name="rename-detail",
        narrow=lambda rows: rows.filter(project__deleted_at__isnull=True),
        visible_to=lambda rows, actor: rows.filter(seen_by(actor, "project__")),
    ),
    claimable=one_per_project,
    may_run=initiator_may,
)
def run_rename(run: jobs.Run[Proposal]) -> None:
    """Analyse what a proposal asks for, and write down what was found; ends cancelled if archived."""
    proposal = run.row
    reopen_analysis(proposal)
    _stop_if_archived(proposal.project)
    collected = _collect(run)
    run.progress(0.2, stage="analysing")
    analysis = _analyse(run, collected)
    fault("rename.analysed")
    run.progress(0.9, stage="recording")
    _record(run, analysis, collected)


@run_rename.on_change
def announce(row: Proposal) -> None:
    """Publish how far an analysis is."""
    announce_proposal(row)


def end_analysis(row: Proposal) -> bool:
    """Move a proposal whose job failed or was cancelled out of analysing; tell whether it was there still."""
    is_failed = row.status == JobStatus.FAILED
    end = ProposalState.FAILED if is_failed else ProposalState.CANCELLED
    with transaction.atomic():
        has_moved = move_proposal(row.pk, ProposalState.ANALYSING, end)
        if has_moved and is_failed:
            tell_analysis_failed(row)
    return has_moved


def _stop_if_archived(project: Project) -> None:
    if project.archived_at is not None or project.deleted_at is not None:
        raise JobCancelled


def _collect(run: jobs.Run[Proposal]) -> Collected:
    proposal = run.row
    run.progress(0.05, stage="reading")
    files = listed_files(proposal.manifest)
    language = main_language(proposal.mode, proposal.request["symbol"].get("path", ""), files)
    repository = published_repository(proposal.project.mirror)
    return collect_sources(repository, files, language=language, name=old_name(proposal, files, repository))


def _analyse(run: jobs.Run[Proposal], collected: Collected) -> Analysis:
    proposal = run.row
    try:
        return analyse(
            wish_of(proposal),
            collected.sources,
            include=proposal.request["include"],
            exclude=proposal.request["exclude"],
            timeout_s=settings.PROJECTS_RENAME_TIMEOUT_S,
            memory_bytes=settings.PROJECTS_RENAME_MEMORY_BYTES,
        )
    except (SymbolNotFound, SymbolAmbiguous) as error:
        # An error's text holds nothing of the code; what may have been meant stands in the proposal.
        run.write(conflicts=candidate_conflicts(error.extra.get("candidates", ())))
        raise


def _record(run: jobs.Run[Proposal], analysis: Analysis, collected: Collected) -> None:
    """Write files and result at once: a reader sees the proposal whole, or still being analysed."""
    proposal = run.row
    rows = file_rows(proposal, analysis.files)
    inherit_decisions(proposal, rows)
    with transaction.atomic():
        # Locked, so that nobody archives the project between this look and the commit.
        _stop_if_archived(Project.objects.select_for_update(no_key=True).get(pk=proposal.project_id))
        ProposalFile.objects.filter(proposal=proposal).delete()
        ProposalFile.objects.bulk_create(rows, batch_size=INSERT_BATCH)
        if not move_proposal(proposal.pk, ProposalState.ANALYSING, ProposalState.PROPOSED):
            raise LeaseLost
        run.succeed(**analysis_columns(analysis, collected.unscanned))
        tell_proposal_ready(proposal)
