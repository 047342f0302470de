"""What became of one month of a source: noted when its import ends, announced to who watches the source."""

import datetime as dt
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from apps.common import live
from apps.common.db import JobStatus
from apps.datasets.importing.remote import FetchFailed
from apps.datasets.models import Import, SourceMonth
from apps.datasets.models.sources import month_text
from apps.datasets.states import MonthState, Outcome

OUTCOMES: Final = {Outcome.PUBLISHED: MonthState.LOADED, Outcome.UNCHANGED: MonthState.UNCHANGED}


def note_month(row: Import) -> SourceMonth | None:
    """Write the state that an ended import gives its month; None where it is of no month, or was cancelled.

    A month that is not there yet keeps the moment since when it is missed.
    """
    state = _state_of(row)
    if row.source_id is None or row.month is None or state is None:
        return None
    found = SourceMonth.objects.filter(source_id=row.source_id, month=row.month).first()
    month = found or SourceMonth(source_id=row.source_id, month=row.month)
    month.state = state
    month.latest_import = row
    month.error_code = row.error_code if state in {MonthState.FAILED, MonthState.MISSING} else ""
    if state is MonthState.MISSING:
        month.missing_since = month.missing_since or timezone.now()
    else:
        month.missing_since = None
    if state is MonthState.LOADED:
        first = row.files.order_by("file_no").first()
        month.sha256 = first.sha256 if first else None
        month.etag = row.validators.get("etag", "")
        month.last_modified = row.validators.get("last_modified", "")
    if found is None:
        month.save(force_insert=True)
    else:
        month.save()
    announce_month(row, month)
    return month


def announce_month(row: Import, month: SourceMonth) -> None:
    """Publish the state of a month."""
    live.publish(
        organization_id=row.dataset.organization_id,
        topic=f"sources.{row.source_id}",
        type="month.changed",
        data={"month": month_text(month.month), "state": str(month.state)},
    )


def month_bounds(first: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first day of a month and that of the next one."""
    return first, (first.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def month_span(first: dt.date, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """Return the instants between which a month lies in a zone, [start, end)."""
    start, end = month_bounds(first)
    midnight = dt.time(tzinfo=ZoneInfo(zone))
    return dt.datetime.combine(start, midnight), dt.datetime.combine(end, midnight)


def _state_of(row: Import) -> MonthState | None:
    if row.status == JobStatus.SUCCEEDED:
        return OUTCOMES.get(Outcome(row.outcome)) if row.outcome else None
    if row.status != JobStatus.FAILED or row.options["dry_run"]:
        return None
    is_missing = row.error_code == FetchFailed.code and row.validators.get("status") == HTTPStatus.NOT_FOUND
    return MonthState.MISSING if is_missing else MonthState.FAILED
