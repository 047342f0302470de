"""A build is queued once: runs that come later join it while it waits."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.common.db import JobStatus
from apps.signals.building.job import run_build
from apps.signals.models import DbtBuild, Run


def queue_build(
    *,
    organization: Organization,
    run_ids: Sequence[uuid.UUID],
    hydrate_after: Sequence[uuid.UUID] = (),
    select: str = "",
    full_refresh: bool = False,
    initiates: Mapping[str, Any] | None = None,
) -> DbtBuild:
    """Queue a build of runs, or let them join the one that waits; `initiates` says who asked first."""
    wanted = {
        "organization": organization,
        "schema": settings.SIGNALS_DBT_SCHEMA,
        "select": select,
        "full_refresh": full_refresh,
    }
    with transaction.atomic():
        row = _joined(wanted, run_ids, hydrate_after)
        if row is None:
            row = _created(wanted, run_ids, hydrate_after, initiates or {})
        run_build.enqueue(row.pk)
        return row


def _joined(
    wanted: Mapping[str, Any], run_ids: Sequence[uuid.UUID], hydrate_after: Sequence[uuid.UUID]
) -> DbtBuild | None:
    # Locked, because a worker may claim it at this moment: then it is not queued any more.
    queued = DbtBuild.objects.select_for_update().filter(**wanted, status=JobStatus.QUEUED)
    row: DbtBuild | None = queued.order_by("created_at", "pk").first()
    if row is None:
        return None
    row.run_ids = in_run_order([*row.run_ids, *run_ids])
    row.hydrate_after = in_run_order([*row.hydrate_after, *hydrate_after])
    row.save(update_fields=["run_ids", "hydrate_after", "updated_at"])
    return row


def _created(
    wanted: Mapping[str, Any],
    run_ids: Sequence[uuid.UUID],
    hydrate_after: Sequence[uuid.UUID],
    initiates: Mapping[str, Any],
) -> DbtBuild:
    try:
        with transaction.atomic():
            return DbtBuild.objects.create(
                **wanted,
                run_ids=in_run_order(run_ids),
                hydrate_after=in_run_order(hydrate_after),
                **initiates,
                **run_build.columns(),
            )
    except IntegrityError:
        # Another was queued since the look.
        row = _joined(wanted, run_ids, hydrate_after)
        if row is None:
            raise
        return row


def in_run_order(run_ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Return ids of runs, each once, as the runs happened."""
    rows = Run.objects.filter(pk__in=set(run_ids)).in_run_order()
    return list(rows.values_list("pk", flat=True))
