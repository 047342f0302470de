"""The job `projects.apply`: the one commit of an approved proposal."""

import hashlib
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import transaction

from apps.accounts.queries import initiator
from apps.common import jobs
from apps.common.errors import DomainError
from apps.common.jobs import LeaseLost, Listing, Transient, job
from apps.projects.errors import GitFailed, JobAlreadyCompleted
from apps.projects.faults import fault
from apps.projects.git.layout import published_repository
from apps.projects.models import Application, Mirror, Project, Proposal
from apps.projects.models.project import seen_by
from apps.projects.notices import tell_proposal_applied
from apps.projects.proposing.committing import (
    Author,
    PlannedCommit,
    create_ref,
    find_applied,
    write_commit,
)
from apps.projects.proposing.moving import move_proposal
from apps.projects.rights import Right, require_right
from apps.projects.states import ProposalState


def initiator_may(row: Application) -> bool:
    """Tell whether the approver may still apply to the project, which may not be archived."""
    actor = initiator(row, row.organization)
    if actor is None or not Project.objects.visible_to(actor).filter(pk=row.project_id).exists():
        return False
    try:
        require_right(actor, row.project, Right.OWN, "projects.apply")
    except DomainError:
        return False
    return True


@job(
    kind="projects.apply",
    model="projects.Application",
    queue="high_priority",
    attempts=3,
    listing=Listing(
        permission="projects.view",
        target_type="projects.proposal",
        target_path="proposal_id",
        target_url_name="rename-detail",
        narrow=lambda rows: rows.filter(project__deleted_at__isnull=True),
        visible_to=lambda rows, actor: rows.filter(seen_by(actor, "project__")),
    ),
    may_run=initiator_may,
)
def run_apply(run: jobs.Run[Application]) -> None:
    """Make the commit and its ref, or adopt those of a worker that died; both rows change at once."""
    row = run.row
    _take_up(row)
    mirror = row.project.mirror
    repository, planned = published_repository(mirror), planned_commit(row)
    commit = find_applied(repository, planned)
    if not commit:
        commit = _apply(run, repository, planned)
    _record(run, mirror, commit)


def _take_up(row: Application) -> None:
    """Make sure that the proposal waits for this application; one that was retried takes it up again.

    Raises JobAlreadyCompleted if the proposal went another way meanwhile.
    """
    state = Proposal.objects.values_list("state", flat=True).get(pk=row.proposal_id)
    if state == ProposalState.APPLYING:
        return
    is_open = state == ProposalState.PROPOSED
    if not (is_open and move_proposal(row.proposal_id, ProposalState.PROPOSED, ProposalState.APPLYING)):
        raise JobAlreadyCompleted(f"The proposal is {state}.")


def planned_commit(row: Application) -> PlannedCommit:
    """Return all that the commit of an application is made of.

    Raises GitFailed if the stored patch is not the one that was approved.
    """
    with default_storage.open(row.storage_key, "rb") as file:
        patch = file.read()
    if hashlib.sha256(patch).digest() != bytes(row.patch_digest):
        raise GitFailed("The stored patch is not the one that was approved.")
    return PlannedCommit(
        proposal_id=row.proposal_id,
        base_commit=row.proposal.base_commit,
        tree_id=row.tree_id,
        patch=patch,
        author=Author.parse(row.author),
        approved_at=row.approved_at,
        message=row.message,
    )


def _apply(run: jobs.Run[Application], repository: Path, planned: PlannedCommit) -> str:
    run.progress(0.1, stage="writing")
    commit = write_commit(repository, planned)
    fault("apply.commit")
    # The last look at a request to cancel: once the ref is there, the proposal is applied.
    run.progress(0.5, stage="publishing")
    commit = create_ref(repository, planned, commit)
    fault("apply.ref")
    return commit


def _record(run: jobs.Run[Application], mirror: Mirror, commit: str) -> None:
    row = run.row
    with transaction.atomic():
        # A new generation may have been published since, copied from the old one before the ref was there.
        now = Mirror.objects.select_for_update(no_key=True).get(pk=mirror.pk)
        if now.generation != mirror.generation:
            raise Transient("The repository was cloned anew meanwhile.")
        moved = move_proposal(
            row.proposal_id, ProposalState.APPLYING, ProposalState.APPLIED, applied_commit=commit
        )
        if not moved:
            raise LeaseLost
        run.succeed(commit=commit)
        tell_proposal_applied(Proposal.objects.get(pk=row.proposal_id))
    fault("apply.recorded")


def end_application(row: Application) -> bool:
    """Give back a proposal whose application has ended without success; tell whether it was waiting.

    If the ref is there, its worker lost the database after the last step: then the proposal is applied.
    """
    commit = _ref_of(row)
    if not commit:
        return move_proposal(row.proposal_id, ProposalState.APPLYING, ProposalState.PROPOSED)
    with transaction.atomic():
        Application.objects.filter(pk=row.pk).update(commit=commit)
        moved = move_proposal(
            row.proposal_id, ProposalState.APPLYING, ProposalState.APPLIED, applied_commit=commit
        )
        if moved:
            tell_proposal_applied(Proposal.objects.get(pk=row.proposal_id))
    return moved


def _ref_of(row: Application) -> str:
    """Return the commit that an application made, empty if it made none or nothing can be read."""
    try:
        return find_applied(published_repository(row.project.mirror), planned_commit(row))
    except (DomainError, OSError, Mirror.DoesNotExist):
        return ""
