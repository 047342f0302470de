"""The job `datasets.import`: when it may start, what it runs, what follows its end."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.accounts.queries import initiator
from apps.common.db import JobStatus
from apps.common.jobs import Listing, Run, job
from apps.datasets.figures import count_import
from apps.datasets.importing.announcing import announce_dataset, announce_import, announce_version
from apps.datasets.importing.cleanup import discard_work
from apps.datasets.importing.months import note_month
from apps.datasets.importing.publishing import lock_dataset
from apps.datasets.importing.steps import carry_out
from apps.datasets.models import Dataset, Import, Segment
from apps.datasets.notices import tell_creator, tell_managers_of_month
from apps.datasets.states import MonthState, next_dataset_status
from apps.datasets.upkeep_tasks import queue_rollups


def in_turn(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Narrow queued imports to those whose turn it is: none running for the dataset, none queued before."""
    others = Import.objects.filter(dataset=OuterRef("dataset"))
    running = others.filter(status=JobStatus.RUNNING)
    earlier = others.filter(status=JobStatus.QUEUED, no__lt=OuterRef("no"))
    return of_living_datasets(rows).filter(~Exists(running), ~Exists(earlier))


def of_living_datasets(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out the imports of deleted datasets."""
    return rows.filter(dataset__deleted_at__isnull=True)


def initiator_may(row: Import) -> bool:
    """Tell whether whoever started the import still may; the installation itself always may."""
    actor = initiator(row, row.dataset.organization)
    needed = ["datasets.ingest"] if row.options.get("dry_run") else ["datasets.ingest", "datasets.publish"]
    return actor is not None and all(actor.may(permission, row.dataset) for permission in needed)


@job(
    kind="datasets.import",
    model="datasets.Import",
    organization_path="dataset__organization_id",
    listing=Listing(
        permission="datasets.view",
        target_type="datasets.dataset",
        target_path="dataset_id",
        target_url_name="dataset-detail",
        narrow=of_living_datasets,
    ),
    claimable=in_turn,
    may_run=initiator_may,
    is_resumable=True,
)
def run_import(run: Run[Import]) -> None:
    """Read the files of an import into a segment and publish a version."""
    if not run.row.options["dry_run"]:
        move_dataset(run.row.dataset, "import_claimed")
    carry_out(run)


@run_import.on_change
def tell(row: Import) -> None:
    """Publish the import's state; let the next of the dataset start when this one stands aside."""
    announce_import(row)
    if row.status == JobStatus.WAITING:
        tell_creator(row)
        announce_dataset(row.dataset)
        start_next(row.dataset)


@run_import.on_end
def settle(row: Import) -> None:
    """Announce the version, or clear up after an import that made none; let the next of the dataset start."""
    if row.version is not None:
        # After the import's own last state: who follows its progress to 1.0 then hears of the version.
        announce_version(row.dataset, row.version)
        # If the worker dies before this, the hourly clock finds the segments.
        queue_rollups(row.dataset, Segment.objects.of_version(row.version.pk))
    count_import(row)
    tell_creator(row)
    if (month := note_month(row)) is not None and month.state == MonthState.FAILED:
        tell_managers_of_month(row, month)
    discard_work(row.pk)
    move_dataset(row.dataset, "import_ended")
    start_next(row.dataset)


def move_dataset(dataset: Dataset, event: str) -> None:
    """Move a dataset's status and tell its watchers."""
    with transaction.atomic():
        # Locked, because a publish may move the same row at the same time.
        locked = lock_dataset(dataset)
        locked.status = next_dataset_status(locked.status, event)
        locked.save(update_fields=["status", "updated_at"])
        announce_dataset(locked)


def start_next(dataset: Dataset) -> None:
    """Nudge the oldest queued import of a dataset."""
    row = dataset.imports.filter(status=JobStatus.QUEUED, run_after=None).order_by("no").first()
    if row is not None:
        transaction.on_commit(lambda: run_import.nudge(row.pk, row.queue))
