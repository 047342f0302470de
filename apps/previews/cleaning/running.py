"""A run of clean-up: the plan, done item by item. One failure does not end it."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.core.files.storage import default_storage
from django.db import DatabaseError

from apps.common.errors import DomainError
from apps.common.keeping import delete_rows
from apps.common.locks import try_session_lock
from apps.previews.cleaning import stages
from apps.previews.cleaning.planning import EVERYTHING, Item, Work, is_orphan, old_rows, plan
from apps.previews.models import CleanupRun, Session

LOCK: Final = "previews.cleanup"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, or (dry) would do; `failed` are those that could not be done."""

    items: tuple[Item, ...]
    failed: tuple[Item, ...] = ()
    dry_run: bool = False
    # Another run held the lock: nothing was looked at.
    is_skipped: bool = False

    def by_work(self) -> dict[str, Any]:
        """Return ids, counts and bytes by kind of work, as JSON takes them."""
        found: dict[str, Any] = {}
        for item in self.items:
            entry = found.setdefault(item.work.value, {"ids": [], "count": 0, "bytes": 0})
            entry["ids"].append(item.id)
            entry["count"] += item.count
            entry["bytes"] += item.bytes
        return found


def clean(
    *,
    now: dt.datetime,
    works: Iterable[Work] = EVERYTHING,
    limit: int | None = None,
    dry_run: bool = False,
    is_recorded: bool = True,
) -> Report:
    """Do what is to be done at `now`, one run at a time, or only list it."""
    with try_session_lock(LOCK) as held:
        if not held:
            return Report((), dry_run=dry_run, is_skipped=True)
        planned = plan(now=now, works=works, limit=limit)
        if dry_run:
            report = Report(tuple(planned), dry_run=True)
        else:
            done = [(item, _do(item, now)) for item in planned]
            report = Report(
                tuple(item for item, outcome in done if outcome),
                tuple(item for item, outcome in done if outcome is None),
            )
    if is_recorded:
        CleanupRun.objects.create(at=now, dry_run=dry_run, failed=len(report.failed), report=report.by_work())
    return report


def _do(item: Item, now: dt.datetime) -> bool | None:
    """Do one item; tell whether it was still to be done, None if that failed."""
    try:
        return DOERS[item.work](item, now)
    except (DatabaseError, DomainError, OSError) as error:
        logger.warning("cleanup_failed", work=item.work.value, id=item.id, error=type(error).__name__)
        return None


def _on_session(act: Callable[..., bool]) -> Callable[[Item, dt.datetime], bool]:
    def do(item: Item, now: dt.datetime) -> bool:
        session = Session.objects.filter(pk=item.id).first()
        return session is not None and act(session, now=now)

    return do


def _drop_orphan(item: Item, now: dt.datetime) -> bool:
    # Looked at again: its row may have been written since the plan was made.
    if not default_storage.exists(item.id) or not is_orphan(item.id, now):
        return False
    default_storage.delete(item.id)
    return True


def _drop_rows(item: Item, now: dt.datetime) -> bool:
    return delete_rows(old_rows(now)[item.id]) > 0


DOERS: Final[Mapping[Work, Callable[[Item, dt.datetime], bool]]] = {
    Work.UPLOADS: _on_session(stages.release_upload),
    Work.EXPIRED: _on_session(stages.expire),
    Work.SOFT_DELETED: _on_session(stages.soft_delete),
    Work.PURGED: _on_session(stages.purge),
    Work.ORPHANS: _drop_orphan,
    Work.LOG: _drop_rows,
}
