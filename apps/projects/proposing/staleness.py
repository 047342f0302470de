"""What a publication does to proposals: those whose sources changed are stale, and followed by a child."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import structlog
from django.db import transaction
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.projects.errors import NotLinked
from apps.projects.models import Manifest, MirrorRun, Project, Proposal
from apps.projects.notices import tell_proposal_stale
from apps.projects.proposing.moving import move_proposal
from apps.projects.proposing.queueing import (
    ChildExists,
    in_files,
    initiator_columns,
    may_follow,
    published_manifest,
    queue_child,
)
from apps.projects.proposing.restoring import restore_applied
from apps.projects.proposing.sources import Listed, listed_files, main_language
from apps.projects.states import ProposalState, RunKind

logger = structlog.get_logger(__name__)


def follow_publication(project_id: uuid.UUID) -> int:
    """Mark the proposals stale that the published state has overtaken; return how many.

    Repeatable, and right whenever it is called: it looks at what is published, not at what has changed.
    Applied refs that a new generation lacks are made again.
    """
    project = Project.objects.living().select_related("mirror").filter(pk=project_id).first()
    if project is None:
        return 0
    restore_applied(project)
    opened = list(Proposal.objects.filter(project=project, state=ProposalState.PROPOSED).order_by("pk"))
    try:
        manifest = published_manifest(project)
    except NotLinked:
        return 0
    moved_on = [row for row in opened if row.manifest_id != manifest.pk or _is_cloned_anew(row)]
    if not moved_on:
        return 0
    return _follow(manifest, listed_files(manifest), moved_on)


def _follow(manifest: Manifest, files: Sequence[Listed], proposals: Sequence[Proposal]) -> int:
    return sum(
        _overtake(proposal, manifest, in_files(files))
        for proposal in proposals
        if _is_cloned_anew(proposal) or is_overtaken(proposal, files)
    )


def is_overtaken(proposal: Proposal, files: Sequence[Listed]) -> bool:
    """Tell whether some files differ from those a proposal was found in: in a blob, or in which there are."""
    blobs = in_files(files)
    scanned: Mapping[str, str] = proposal.scanned
    if any(blobs.get(path) != blob for path, blob in scanned.items()):
        return True
    language = main_language(proposal.mode, proposal.symbol["path"], files)
    known = {*scanned, *(item["path"] for item in proposal.unscanned)}
    return any(file.path not in known for file in files if file.language == language)


def _is_cloned_anew(proposal: Proposal) -> bool:
    """Tell whether the repository was cloned again, or another one was linked, since the analysis began."""
    since = proposal.started_at or proposal.created_at
    clones = MirrorRun.objects.filter(project=proposal.project_id, kind__in=(RunKind.CLONE, RunKind.RECLONE))
    return clones.filter(status=JobStatus.SUCCEEDED, finished_at__gt=since).exists()


def _overtake(proposal: Proposal, manifest: Manifest, files: Mapping[str, str]) -> bool:
    """Make a proposal stale and queue its child, at once; tell whether it was open still."""
    with transaction.atomic():
        # Somebody may reject or apply it at this moment: then the conditional move matches nothing.
        if not move_proposal(proposal.pk, ProposalState.PROPOSED, ProposalState.STALE):
            return False
        proposal.refresh_from_db()
        tell_proposal_stale(proposal)
        _queue_child(proposal, manifest, files, now=timezone.now())
    return True


def _queue_child(
    proposal: Proposal, manifest: Manifest, files: Mapping[str, str], *, now: dt.datetime
) -> None:
    if proposal.project.archived_at is not None or not may_follow(proposal, now):
        return
    try:
        queue_child(proposal, manifest, files, initiates=initiator_columns(proposal))
    except ChildExists:
        logger.info("proposal_followed_already", proposal_id=str(proposal.pk))
    except DomainError as error:
        logger.warning("proposal_not_followed", proposal_id=str(proposal.pk), code=error.code)
