"""The approval of a proposal: exactly the patch that was previewed becomes one commit."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.db import JobStatus
from apps.common.errors import Conflict, DomainError, FieldError, Forbidden, Invalid, Unavailable
from apps.projects.analysis.isolated import EngineFailed, EngineTimeout
from apps.projects.errors import GitFailed
from apps.projects.files import store_file
from apps.projects.models import Application, Proposal, ProposalFile
from apps.projects.proposing.applying import run_apply
from apps.projects.proposing.committing import Author
from apps.projects.proposing.moving import move_proposal, refuse_act
from apps.projects.proposing.previewing import (
    Preview,
    approved_edits,
    choices_of,
    file_diff,
    patch_of,
    preview_of,
    sources_of,
    with_free_moves,
)
from apps.projects.proposing.staleness import follow_publication
from apps.projects.queries.proposals import stored_patch
from apps.projects.renaming.errors import RenameConflict
from apps.projects.rights import Right, require_right
from apps.projects.states import Completeness, ProposalState

PATCHES: Final = "projects/patches"
MESSAGE_CHARS: Final = 500


class PatchMismatch(Conflict):
    """The patch is not the one that was previewed; look at it again."""

    code = "projects.patch_mismatch"


class ProposalStale(Conflict):
    """The code has changed under the proposal; `child_id` names the one that follows it."""

    code = "projects.proposal_stale"


class SecondPersonNeeded(Conflict):
    """Another person than the one who proposed it has to apply it."""

    code = "projects.second_person_needed"


class UnscannedNotAccepted(Conflict):
    """Some files were not looked at; say that this is accepted."""

    code = "projects.unscanned_not_accepted"


def preview_proposal(*, actor: Actor, proposal: Proposal) -> Preview:
    """Return patch and checks of what is chosen now; raises Conflict unless it waits for decisions."""
    require_right(actor, proposal.project, Right.EDIT, "projects.run")
    if proposal.state != ProposalState.PROPOSED:
        refuse_act(proposal)
    with available():
        return preview_of(proposal)


@contextmanager
def available() -> Iterator[None]:
    """Say of an engine or a repository that gives no answer just now that it may do so later."""
    try:
        yield
    except (EngineTimeout, EngineFailed, GitFailed) as error:
        raise Unavailable("The code could not be read just now; try again.") from error


def patch_of_proposal(proposal: Proposal) -> bytes:
    """Return the patch that was applied, or the one of what is chosen now; empty before there are files.

    Raises NotLinked, RenameConflict, NotFound, Unavailable.
    """
    applied = stored_patch(proposal)
    if applied is not None:
        return applied
    files = approved_edits(choices_of(proposal.files.order_by("ordinal")))
    with available():
        free, _taken = with_free_moves(proposal, files)
        return patch_of(proposal, free, sources_of(proposal)).content if free else b""


def diff_of_file(row: ProposalFile) -> bytes:
    """Return the diff of one file with its ticked edits; raises NotLinked, RenameConflict, Unavailable."""
    with available():
        return file_diff(row)


def apply_proposal(
    *,
    actor: Actor,
    proposal: Proposal,
    patch_digest: bytes,
    message: str = "",
    accept_unscanned: bool = False,
) -> Application:
    """Approve the previewed patch and queue its one commit; the patch is made again and compared.

    Raises PatchMismatch, RenameConflict, ProposalStale, SecondPersonNeeded, UnscannedNotAccepted, Conflict.
    """
    require_right(actor, proposal.project, Right.OWN, "projects.apply")
    approver = _approver(actor)
    if len(message) > MESSAGE_CHARS:
        detail = f"Write at most {MESSAGE_CHARS} characters."
        raise Invalid(errors=[FieldError(detail, pointer="/message")])
    # What is published may have moved on a moment ago, and nobody has looked since.
    follow_publication(proposal.project_id)
    proposal.refresh_from_db()
    _check_open(proposal)
    _check_consent(proposal, approver, accept_unscanned=accept_unscanned)
    with available():
        preview = preview_of(proposal)
    if not hmac.compare_digest(preview.patch.digest, patch_digest):
        raise PatchMismatch
    if preview.is_blocking:
        failed = [check.code for check in preview.checks if not check.ok]
        raise RenameConflict(extra={"checks": failed})
    row = Application(
        organization_id=proposal.organization_id,
        project_id=proposal.project_id,
        proposal=proposal,
        patch_digest=preview.patch.digest,
        tree_id=preview.patch.tree_id,
        message=message.strip() or default_message(proposal),
        author=Author.of(approver.name, approver.email).line,
        **actor.initiates(),
        **run_apply.columns(),
    )
    return _keep_and_approve(actor, row, preview)


def default_message(proposal: Proposal) -> str:
    """Return what the commit says unless somebody says more."""
    return f"Rename {proposal.symbol['name']} to {proposal.new_name}"[:MESSAGE_CHARS]


def _approver(actor: Actor) -> User:
    """Return the person who approves; raises Forbidden for a key: only a person applies."""
    if actor.user is None:
        raise Forbidden("Only a person applies a proposal.")
    return actor.user


def _check_open(proposal: Proposal) -> None:
    if proposal.state == ProposalState.STALE:
        child = Proposal.objects.filter(parent=proposal).values_list("pk", flat=True).first()
        raise ProposalStale(extra={"child_id": str(child) if child else None})
    if proposal.state != ProposalState.PROPOSED:
        refuse_act(proposal)


def _check_consent(proposal: Proposal, approver: User, *, accept_unscanned: bool) -> None:
    is_starter = proposal.created_by_id == approver.pk
    if is_starter and proposal.project.option("second_person_applies"):
        raise SecondPersonNeeded
    if proposal.outcome == Completeness.PARTIAL and not accept_unscanned:
        raise UnscannedNotAccepted(extra={"unscanned": proposal.counts.get("unscanned", 0)})


def _keep_and_approve(actor: Actor, row: Application, preview: Preview) -> Application:
    """Store the patch and approve it; one that nobody came to approve leaves the storage again."""
    name = f"{PATCHES}/{row.project_id}/{row.proposal_id}/{row.pk}.patch"
    row.storage_key = store_file(name, preview.patch.content)
    try:
        return _approve(actor, row, version=preview.version)
    except DomainError:
        default_storage.delete(row.storage_key)
        raise


def _approve(actor: Actor, row: Application, *, version: int) -> Application:
    """Write the approval down and queue its job, unless something was decided since the patch was made."""
    try:
        with transaction.atomic():
            # Locked: of two approvers one finds it proposed, and no decision falls in between.
            locked = Proposal.objects.select_for_update(of=("self",)).get(pk=row.proposal_id)
            _check_open(locked)
            if locked.version != version:
                raise PatchMismatch
            move_proposal(locked.pk, ProposalState.PROPOSED, ProposalState.APPLYING)
            _retire_failed(locked)
            row.approved_at = timezone.now().replace(microsecond=0)
            row.save()
            facts = {"patch_digest": row.patch_digest.hex(), "application": str(row.pk)}
            record_audit(actor=actor, verb="projects.proposal_applied", target=locked, changes=facts)
            run_apply.enqueue(row.pk)
    except IntegrityError as error:
        if "projects_application_one" not in str(error):
            raise
        raise Conflict("The proposal is being applied.") from error
    return row


def _retire_failed(proposal: Proposal) -> None:
    """Take former failed applications out of the dead letters: nobody wants their patches any more."""
    failed = Application.objects.filter(proposal=proposal, status=JobStatus.FAILED, discarded_at=None)
    failed.update(discarded_at=timezone.now())
