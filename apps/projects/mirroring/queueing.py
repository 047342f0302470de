"""One live writing run per mirror: queue it, or join the one that is there."""

import datetime as dt
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.common.db import JobStatus
from apps.common.jobs.lifecycle import notify_end
from apps.projects.mirroring.job import run_sync
from apps.projects.mirroring.verifying import run_verify
from apps.projects.models import Mirror, MirrorRun
from apps.projects.models.mirror import LIVE, WRITING_KINDS
from apps.projects.states import MirrorState, RunKind, RunTrigger

# While a run is queued its mirror is not due; should the run be lost altogether, it is again after this.
GUARD: Final = dt.timedelta(minutes=30)


def kind_for(mirror: Mirror) -> RunKind:
    """Return what brings a mirror into step: a first clone, a new one, or a fetch."""
    if mirror.generation == 0:
        return RunKind.CLONE
    if mirror.state in {MirrorState.CORRUPT, MirrorState.RECLONING} or not mirror.refs_digest:
        return RunKind.RECLONE
    return RunKind.FETCH


def live_run(mirror: Mirror) -> MirrorRun | None:
    """Return the mirror's writing run that is queued or running."""
    found: MirrorRun | None = MirrorRun.objects.filter(LIVE, mirror=mirror, kind__in=WRITING_KINDS).first()
    return found


@transaction.atomic
def queue_run(
    mirror: Mirror,
    kind: RunKind,
    *,
    trigger: RunTrigger,
    initiates: dict[str, Any] | None = None,
    is_override: bool = False,
) -> tuple[MirrorRun, bool]:
    """Queue a writing run; return it and whether it is one that was live already."""
    joined = live_run(mirror)
    if joined is not None:
        return joined, True
    try:
        with transaction.atomic():
            row = MirrorRun.objects.create(
                organization_id=mirror.organization_id,
                project_id=mirror.project_id,
                mirror=mirror,
                kind=kind,
                trigger=trigger,
                is_override=is_override,
                **(initiates or {}),
                **run_sync.columns(),
            )
    except IntegrityError:
        # Somebody else's came first, between the look and the INSERT.
        joined = live_run(mirror)
        if joined is None:
            raise
        return joined, True
    _begin_state(mirror, kind)
    run_sync.enqueue(row.pk)
    return row, False


def _begin_state(mirror: Mirror, kind: RunKind) -> None:
    columns: dict[str, Any] = {"next_due_at": Now() + GUARD} if mirror.next_due_at is not None else {}
    if kind is RunKind.CLONE:
        columns["state"] = MirrorState.CLONING
    elif kind is RunKind.RECLONE:
        columns["state"] = MirrorState.RECLONING
    if columns:
        Mirror.objects.filter(pk=mirror.pk).update(**columns)


def end_live_runs(mirror: Mirror) -> None:
    """Cancel the mirror's live runs for good, within the caller's transaction.

    A worker that holds one loses its lease by this: whatever it writes later matches nothing.
    """
    for row in MirrorRun.objects.filter(LIVE, mirror=mirror, kind__in=WRITING_KINDS):
        ended = MirrorRun.objects.filter(LIVE, pk=row.pk).update(
            status=JobStatus.CANCELLED,
            cancel_requested_at=Now(),
            finished_at=Now(),
            lease_token=None,
            lease_until=None,
        )
        if ended:
            row.refresh_from_db()
            transaction.on_commit(lambda row=row: notify_end(run_sync, row))  # type: ignore[misc]


def queue_verification(mirror: Mirror, *, trigger: RunTrigger = RunTrigger.SCHEDULE) -> MirrorRun:
    """Queue a look for missing objects, or join the one that waits or runs."""
    live: MirrorRun | None = MirrorRun.objects.filter(LIVE, mirror=mirror, kind=RunKind.VERIFY).first()
    if live is not None:
        return live
    row = MirrorRun.objects.create(
        organization_id=mirror.organization_id,
        project_id=mirror.project_id,
        mirror=mirror,
        kind=RunKind.VERIFY,
        trigger=trigger,
        **run_verify.columns(),
    )
    run_verify.enqueue(row.pk)
    return row
