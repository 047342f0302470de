"""What a run that failed, or found nothing new, means for its mirror."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.common.jobs import LeaseLost
from apps.common.jobs.lifecycle import DETAIL_CHARS, release
from apps.projects.git.failures import RemoteFailed, RepoAuthFailed, RepoCorrupt, RepoLost, RepoTooLarge
from apps.projects.mirroring.attempt import Attempt, lock_mirror
from apps.projects.mirroring.errors import BranchMissing
from apps.projects.mirroring.publishing import mark_sound
from apps.projects.mirroring.schedule import AUTH_FAILURES_MAX
from apps.projects.mirroring.scheduling import database_now, due_columns
from apps.projects.models import Credential, Mirror, MirrorRun
from apps.projects.models.mirror import WRITING_KINDS
from apps.projects.notices import (
    tell_auth_failed,
    tell_branch_missing,
    tell_over_quota,
    tell_sync_failed,
)
from apps.projects.states import MirrorState, RunKind, RunOutcome

STALE_AFTER: Final = 3
REFUSED_AFTER: Final = 3
REACHED: Final = "ok"
SYNC_KINDS: Final = (RunKind.CLONE, RunKind.FETCH, RunKind.RECLONE)
STATES: Final = {
    RepoTooLarge: MirrorState.OVER_QUOTA,
    BranchMissing: MirrorState.BRANCH_MISSING,
    RepoCorrupt: MirrorState.CORRUPT,
}

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Before:
    """Where a mirror stood before a run failed."""

    state: str
    failures: int


def end_unchanged(attempt: Attempt) -> None:
    """End a run that found the list of refs as it is published: nobody is told."""
    with transaction.atomic():
        mirror, now = lock_mirror(attempt), database_now()
        mirror.last_synced_at = now
        mark_sound(mirror, now)
        mirror.save()
        attempt.run.succeed(
            outcome=RunOutcome.UNCHANGED,
            commit_after=mirror.head_commit,
            generation=mirror.generation,
            duration_ms=attempt.elapsed_ms,
        )


def end_failed(attempt: Attempt, error: DomainError) -> None:
    """End a run as failed, and let the mirror's state and schedule follow, in one transaction.

    Raises LeaseLost if the fence is another's: then nothing was written.
    """
    row = attempt.row
    with transaction.atomic():
        mirror, now = lock_mirror(attempt), database_now()
        before = Before(mirror.state, mirror.failures)
        _write_failure(attempt, mirror, error, now)
        ended = release(
            attempt.run.kind,
            row,
            JobStatus.FAILED,
            error_code=error.code,
            error_detail=error.detail[:DETAIL_CHARS],
            generation=attempt.generation,
            duration_ms=attempt.elapsed_ms,
        )
        if not ended:
            raise LeaseLost
        _tell(row, mirror, error, before)
    logger.warning("mirror_run_failed", code=error.code, before=before.state, state=mirror.state)


def _write_failure(attempt: Attempt, mirror: Mirror, error: DomainError, now: dt.datetime) -> None:
    mirror.error_code = error.code
    mirror.error_detail = error.detail[:DETAIL_CHARS]
    mirror.error_cause = error.cause if isinstance(error, RemoteFailed) else ""
    if attempt.kind in SYNC_KINDS or isinstance(error, BranchMissing):
        mirror.failures += 1
        was, mirror.state = mirror.state, state_after(mirror, error)
        if isinstance(error, RepoLost):
            # Nothing is left to serve until tomorrow: whoever took it away has not damaged a copy.
            mirror.recloned_at = None
        if mirror.state == MirrorState.AUTH_FAILED and was != MirrorState.AUTH_FAILED:
            # From here on refusals are counted: an outage before them must not bring the end nearer.
            mirror.failures = REFUSED_AFTER
        for name, value in due_columns(mirror, now=now).items():
            setattr(mirror, name, value)
    mirror.save()


def state_after(mirror: Mirror, error: DomainError) -> MirrorState:
    """Return the state of a mirror whose failures count this error already."""
    state = MirrorState(mirror.state)
    for kind, found in STATES.items():
        if isinstance(error, kind):
            return found
    if isinstance(error, RepoAuthFailed) and _was_refused(mirror):
        return MirrorState.AUTH_FAILED
    if mirror.failures >= STALE_AFTER and state is MirrorState.ACTIVE:
        return MirrorState.STALE
    return state


def _was_refused(mirror: Mirror) -> bool:
    """Tell whether the runs just before this one were refused, too."""
    ended = MirrorRun.objects.filter(
        mirror=mirror, kind__in=SYNC_KINDS, status__in=[JobStatus.SUCCEEDED, JobStatus.FAILED]
    )
    codes = ended.order_by("-created_at", "-pk").values_list("error_code", flat=True)[: REFUSED_AFTER - 1]
    return len(codes) == REFUSED_AFTER - 1 and set(codes) == {RepoAuthFailed.code}


def _tell(row: MirrorRun, mirror: Mirror, error: DomainError, before: Before) -> None:
    """Tell those in charge: of a state when it begins, of other trouble once a streak."""
    has_begun = before.state != mirror.state
    gives_up = mirror.state == MirrorState.AUTH_FAILED and mirror.failures == AUTH_FAILURES_MAX
    if mirror.state == MirrorState.OVER_QUOTA and has_begun:
        tell_over_quota(row)
    elif isinstance(error, BranchMissing) and has_begun:
        tell_branch_missing(row, branch=error.branch)
    elif mirror.state == MirrorState.AUTH_FAILED and (has_begun or gives_up):
        tell_auth_failed(row)
    elif before.failures == 0:
        tell_sync_failed(row, code=error.code)


def note_credential(mirror: Mirror, error: DomainError | None) -> None:
    """Write down when a mirror's credential was used, and how that went: `ok`, or an error's code."""
    if mirror.credential_id is not None:
        used = Credential.objects.filter(pk=mirror.credential_id)
        used.update(last_used_at=timezone.now(), last_result=error.code if error else REACHED)


def settle_lost(row: MirrorRun) -> None:
    """Let a mirror follow a run that ended outside its body: lost worker, lost permission, time limit."""
    if (
        row.status != JobStatus.FAILED
        or not row.error_code.startswith("job.")
        or row.kind not in WRITING_KINDS
    ):
        return
    # What a later claim or a relink has begun meanwhile is no business of this run.
    held = Mirror.objects.filter(pk=row.mirror_id, fence=row.fence)
    columns: dict[str, Any] = {"error_code": row.error_code, "error_detail": row.error_detail}
    with transaction.atomic():
        if not held.update(failures=F("failures") + 1, **columns):
            return
        mirror = Mirror.objects.select_related("project__organization").get(pk=row.mirror_id)
        held.update(**due_columns(mirror, now=database_now()))
