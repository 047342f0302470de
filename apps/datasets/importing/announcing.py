"""What subscribers hear about datasets and imports, after the commit (places.md section 9)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from apps.common import live
from apps.common.db import JobStatus
from apps.datasets.models import Dataset, Import, Version

ACTIVE: Final = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.WAITING)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an import reads and how long it may still take; None where nothing can be said."""

    rows_per_s: float | None
    eta_s: float | None


def pace(row: Import, now: datetime) -> Pace:
    """Return the pace of an import's current or last attempt."""
    if row.started_at is None:
        return Pace(None, None)
    is_running = row.status == JobStatus.RUNNING
    end = now if is_running else row.finished_at or row.updated_at
    elapsed_s = (end - row.started_at).total_seconds()
    if elapsed_s <= 0:
        return Pace(None, None)
    rest_s = elapsed_s / row.progress * (1 - row.progress) if is_running and row.progress else None
    return Pace(round(row.rows_read / elapsed_s, 1), None if rest_s is None else round(rest_s, 1))


def announce_import(row: Import) -> None:
    """Publish the state of an import to those who watch its dataset."""
    speed = pace(row, timezone.now())
    data: dict[str, Any] = {
        "import": str(row.pk),
        "status": row.status,
        "stage": row.stage,
        "progress": round(row.progress, 4),
        "rows_read": row.rows_read,
        "accepted": row.accepted,
        "rejected": row.rejected,
        "duplicates": row.duplicates,
        "rows_per_s": speed.rows_per_s,
        "eta_s": speed.eta_s,
        "message": row.error_detail,
    }
    live.publish(
        organization_id=row.dataset.organization_id,
        topic=f"datasets.{row.dataset_id}",
        type="import.changed",
        data=data,
    )


def announce_dataset(dataset: Dataset) -> None:
    """Publish the state of a dataset to those who watch it or the list."""
    version = dataset.current_version
    data = {
        "status": dataset.status,
        "version": version.number if version else None,
        "importing": is_importing(dataset),
    }
    live.publish(
        organization_id=dataset.organization_id,
        topic=f"datasets.{dataset.pk}",
        type="dataset.changed",
        data=data,
    )
    live.publish(
        organization_id=dataset.organization_id,
        topic="datasets",
        type="dataset.changed",
        data={"id": str(dataset.pk), **data},
    )


def announce_version(dataset: Dataset, version: Version) -> None:
    """Publish that a version was published and in which period it differs."""
    live.publish(
        organization_id=dataset.organization_id,
        topic=f"datasets.{dataset.pk}",
        type="version.published",
        data={
            "number": version.number,
            "changed_from": version.changed_from,
            "changed_to": version.changed_to,
        },
    )


def is_importing(dataset: Dataset) -> bool:
    """Tell whether an import of the dataset is queued, running or waiting."""
    return dataset.imports.filter(status__in=ACTIVE).exists()
