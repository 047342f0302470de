"""The queue of imports: their rows, made in one statement however many, and what is told of them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from apps.accounts.permissions import Actor
from apps.common.errors import Conflict
from apps.common.logs import current_request_id
from apps.datasets.importing.announcing import ACTIVE, announce_dataset
from apps.datasets.importing.options import ImportOptions
from apps.datasets.models import Dataset, Import, Source
from apps.datasets.tasks import run_import, start_next

QUEUE_MAX: Final = 50


class ImportQueueFull(Conflict):
    """Too many imports of this dataset are waiting."""

    code = "datasets.import_queue_full"


@dataclass(frozen=True, slots=True)
class Order:
    """An import to queue: what was decided of it, and the first day of the source's month that it is for."""

    options: ImportOptions
    month: dt.date | None = None


def check_queue(dataset: Dataset) -> None:
    """Raise ImportQueueFull unless one more import may wait; `dataset` must be locked by the caller."""
    if dataset.imports.filter(status__in=ACTIVE).count() > QUEUE_MAX:
        raise ImportQueueFull(f"At most {QUEUE_MAX} imports of a dataset wait.")


def queue_imports(
    *, actor: Actor, dataset: Dataset, orders: Sequence[Order], source: Source | None = None
) -> list[Import]:
    """Queue imports of a dataset, in the order given; it must be locked by the caller's transaction.

    As many statements for all as for one, also after the commit, when watchers and a worker are told.
    """
    common = {"request_id": current_request_id(), **actor.initiates(), **run_import.columns()}
    rows = Import.objects.bulk_create(
        Import(
            dataset=dataset,
            source=source,
            month=order.month,
            mode=order.options.mode,
            options=order.options.to_json(),
            **common,
        )
        for order in orders
    )
    announce_dataset(dataset)
    row_ids = [row.pk for row in rows]
    transaction.on_commit(lambda: _tell(row_ids))
    return rows


def _tell(row_ids: Sequence[uuid.UUID]) -> None:
    """Tell watchers of committed rows, and nudge a worker for the first that waits: others cannot start yet.

    A lost message loses nothing: the reaper finds every queued row.
    """
    rows = list(Import.objects.select_related("dataset").filter(pk__in=row_ids).order_by("no"))
    for row in rows:
        run_import.tell(row)
    if rows:
        start_next(rows[0].dataset)
