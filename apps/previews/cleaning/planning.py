"""What clean-up has to do at an instant: a dry run is this list, and a run does nothing but this list.

Every stage is judged by what stands in the rows now, so that one run takes a session one stage further.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import QuerySet, Sum

from apps.previews.models import AccessEntry, Bundle, CleanupRun, Session, upload_at
from apps.previews.states import ENDED, LIVE, SessionStatus, UploadStep
from apps.previews.storing import FOLDER

# To write an upload down takes seconds; after this a killed process is behind it.
UPLOAD_STALE: Final = dt.timedelta(seconds=120)
ORPHAN_AGE: Final = dt.timedelta(hours=24)
LOG_KEPT: Final = dt.timedelta(days=30)
RECEIPT_KEPT: Final = dt.timedelta(days=365)


class Work(StrEnum):
    """What there is to do, in the order in which it is done."""

    UPLOADS = "uploads"
    EXPIRED = "expired"
    SOFT_DELETED = "soft_deleted"
    PURGED = "purged"
    ORPHANS = "orphans"
    LOG = "log"


# By what the clocks and the command do.
EXPIRING: Final = (Work.UPLOADS, Work.EXPIRED)
LIGHT: Final = (Work.UPLOADS, Work.EXPIRED, Work.SOFT_DELETED, Work.PURGED)
EVERYTHING: Final = tuple(Work)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: the id of a session, the key of an object, or the name of a table of log rows."""

    work: Work
    id: str
    count: int = 1
    bytes: int = 0


def plan(*, now: dt.datetime, works: Iterable[Work] = EVERYTHING, limit: int | None = None) -> list[Item]:
    """Return what is to be done at `now`, in order; at most `limit` items of each kind of work."""
    return [item for work in works for item in islice(FINDERS[work](now), limit)]


def abandoned_uploads(now: dt.datetime) -> QuerySet[Session]:
    """Return the sessions whose upload, the first one or a next revision's, nobody goes on with."""
    return Session.objects.filter(upload_at(UploadStep.UPLOADING), upload_begun_at__lt=now - UPLOAD_STALE)


def due_to_expire(now: dt.datetime) -> QuerySet[Session]:
    """Return the live sessions whose time is over."""
    return Session.objects.filter(status__in=LIVE, expires_at__lte=now)


def due_to_soft_delete(now: dt.datetime) -> QuerySet[Session]:
    """Return the sessions that ended so long ago that their bundle goes out of reach."""
    grace = dt.timedelta(seconds=settings.PREVIEWS_GRACE_S)
    return Session.objects.filter(status__in=ENDED, ended_at__lte=now - grace)


def due_to_purge(now: dt.datetime) -> QuerySet[Session]:
    """Return the sessions that ended so long ago that their objects go."""
    after = dt.timedelta(seconds=settings.PREVIEWS_PURGE_AFTER_S)
    return Session.objects.filter(status=SessionStatus.SOFT_DELETED, ended_at__lte=now - after)


def is_orphan(key: str, now: dt.datetime) -> bool:
    """Tell whether no row names an object, for so long that its row is not just being written."""
    if Bundle.objects.filter(storage_key=key).exists():
        return False
    return bool(default_storage.get_modified_time(key) < now - ORPHAN_AGE)


def old_rows(now: dt.datetime) -> Mapping[str, QuerySet[Any]]:
    """Return the log rows and receipts that are past their time, by name."""
    receipts = Session.objects.filter(status=SessionStatus.PURGED, purged_at__lt=now - RECEIPT_KEPT)
    return {
        "accesses": AccessEntry.objects.filter(at__lt=now - LOG_KEPT),
        "runs": CleanupRun.objects.filter(at__lt=now - LOG_KEPT),
        "receipts": receipts,
    }


def _sessions(work: Work, due: Callable[[dt.datetime], QuerySet[Session]]) -> Callable[..., Iterator[Item]]:
    def find(now: dt.datetime) -> Iterator[Item]:
        for key in due(now).order_by("ended_at", "pk").values_list("pk", flat=True):
            yield Item(work, str(key))

    return find


def _purges(now: dt.datetime) -> Iterator[Item]:
    sized = due_to_purge(now).annotate(stored=Sum("bundles__size_bytes")).order_by("ended_at", "pk")
    for key, stored in sized.values_list("pk", "stored"):
        yield Item(Work.PURGED, str(key), bytes=stored or 0)


def _orphans(now: dt.datetime) -> Iterator[Item]:
    for name in _stored_names():
        key = f"{FOLDER}/{name}"
        with suppress(FileNotFoundError):  # gone since it was listed
            if is_orphan(key, now):
                size_bytes = default_storage.size(key)
                yield Item(Work.ORPHANS, key, bytes=size_bytes)


def _stored_names() -> Sequence[str]:
    try:
        return sorted(default_storage.listdir(FOLDER)[1])
    except FileNotFoundError:
        return ()


def _old_rows(now: dt.datetime) -> Iterator[Item]:
    for name, rows in old_rows(now).items():
        if number := rows.count():
            yield Item(Work.LOG, name, count=number)


FINDERS: Final[Mapping[Work, Callable[[dt.datetime], Iterator[Item]]]] = {
    Work.UPLOADS: _sessions(Work.UPLOADS, abandoned_uploads),
    Work.EXPIRED: _sessions(Work.EXPIRED, due_to_expire),
    Work.SOFT_DELETED: _sessions(Work.SOFT_DELETED, due_to_soft_delete),
    Work.PURGED: _purges,
    Work.ORPHANS: _orphans,
    Work.LOG: _old_rows,
}
