"""Reads of mirrors: how they stand, when they are due, their runs and refs."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet

from apps.projects.errors import NotLinked
from apps.projects.git.layout import published_repository
from apps.projects.git.readers import borrow_objects
from apps.projects.models import ArchivedTip, Mirror, MirrorRun, Project, Proposal, Ref
from apps.projects.states import SyncMode

KEPT_FOR: Final = dt.timedelta(days=90)
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
# What the schedule says where no time does.
WAITING: Final = {
    "manual": "only when somebody asks for it",
    "archived": "the project is archived",
    "over_quota": "larger than its quota, until somebody acts",
    "suspended": "paused by the operators",
    "auth": "refused too often, until somebody acts",
    "": "not linked",
}


@dataclass(frozen=True, slots=True)
class MirrorSchedule:
    """When a mirror is looked at next and why; `detail` says it in words."""

    mode: str
    interval_s: int | None
    next_due_at: dt.datetime | None
    reason: str
    detail: str
    failures: int


@dataclass(frozen=True, slots=True)
class ListedRef:
    """A branch, a tag, an archived tip or an applied proposal, by the name that other calls take.

    `reason` says why a tip was archived, and what an applied proposal renames to.
    """

    name: str
    kind: str
    commit: str
    is_tracked: bool = False
    archived_at: dt.datetime | None = None
    reason: str = ""
    expires_at: dt.datetime | None = None


def linked_mirror(project: Project) -> Mirror:
    """Return the mirror of a linked project, with the project; raises NotLinked. At most one query."""
    mirror: Mirror | None = getattr(project, "mirror", None)
    if mirror is None or mirror.unlinked_at is not None:
        raise NotLinked
    mirror.project = project
    return mirror


def quota_of(mirror: Mirror) -> int:
    """Return what a mirror may take, in bytes."""
    return mirror.quota_bytes or settings.PROJECTS_MIRROR_MAX_BYTES


def schedule_of(mirror: Mirror, *, now: dt.datetime) -> MirrorSchedule:
    """Return the schedule of a mirror as it was written down last."""
    project = mirror.project
    return MirrorSchedule(
        mode=project.sync_mode,
        interval_s=project.sync_interval_s if project.sync_mode == SyncMode.FIXED else None,
        next_due_at=mirror.next_due_at,
        reason=mirror.due_reason,
        detail=_detail_of(mirror, now),
        failures=mirror.failures,
    )


def _detail_of(mirror: Mirror, now: dt.datetime) -> str:
    if mirror.next_due_at is None:
        return WAITING.get(mirror.due_reason, WAITING[""])
    left_s = (mirror.next_due_at - now).total_seconds()
    return f"{_why(mirror, now)}, next look {f'in {in_words(left_s)}' if left_s > 0 else 'now'}"


def _why(mirror: Mirror, now: dt.datetime) -> str:
    times = "once" if mirror.failures == 1 else f"{mirror.failures} times in a row"
    match mirror.due_reason:
        case "failing":
            return f"failed {times}"
        case "auth":
            return f"refused {times}"
        case "fixed":
            return f"every {in_words(mirror.project.sync_interval_s)}"
    if mirror.last_changed_at is None:
        return "not read yet"
    return f"unchanged for {in_words((now - mirror.last_changed_at).total_seconds())}"


def in_words(seconds: float) -> str:
    """Return a duration in its largest whole unit: 90 s are `1 min`."""
    return next((f"{int(seconds // size)} {unit}" for size, unit in UNITS if seconds >= size), "0 s")


def listed_runs(project: Project, *, now: dt.datetime) -> QuerySet[MirrorRun]:
    """Return the runs of a project's mirror of the last 90 days."""
    runs: QuerySet[MirrorRun] = MirrorRun.objects.filter(project=project, created_at__gt=now - KEPT_FOR)
    return runs


def refs_page(
    project: Project, *, kinds: Sequence[str], search: str, after: tuple[str, str] | None, limit: int
) -> list[ListedRef]:
    """Return the refs of a project by kind and name, past `after` (kind and name). Issues up to four queries.

    Archived tips are named `archived/<number>`, applied proposals `applied/<id>`.
    """
    mirror = linked_mirror(project)
    found: list[ListedRef] = []
    for kind in sorted(kinds or ("applied", "archived", "branch", "tag")):
        if after is not None and kind < after[0]:
            continue
        start = after[1] if after is not None and kind == after[0] else ""
        found += SOURCES[kind](mirror, search, start, limit - len(found))
        if len(found) >= limit:
            break
    return found


def _published(kind: str) -> Any:
    def read(mirror: Mirror, search: str, start: str, limit: int) -> list[ListedRef]:
        rows = Ref.objects.filter(
            organization_id=mirror.organization_id, project_id=mirror.project_id, kind=kind, name__gt=start
        )
        rows = rows.filter(name__icontains=search) if search else rows
        return [
            ListedRef(ref.name, kind, ref.commit, is_tracked=ref.name == mirror.head_ref)
            for ref in rows.order_by("name")[:limit]
        ]

    return read


def _archived(mirror: Mirror, search: str, start: str, limit: int) -> list[ListedRef]:
    rows = ArchivedTip.objects.filter(mirror=mirror)
    rows = rows.filter(ref__icontains=search) if search else rows
    number = start.rpartition("/")[2]
    rows = rows.filter(number__gt=int(number)) if number.isdigit() else rows
    return [
        ListedRef(
            f"archived/{tip.number}",
            "archived",
            tip.commit,
            archived_at=tip.created_at,
            reason=f"{tip.reason} {tip.ref}",
            expires_at=tip.expires_at,
        )
        for tip in islice(_readable(mirror, rows.order_by("number"), limit), limit)
    ]


def _readable(mirror: Mirror, tips: QuerySet[ArchivedTip], batch: int) -> Iterator[ArchivedTip]:
    """Yield the tips whose commits are there. Nothing but the ref holds one: damage loses it for good, and no
    call could read what is named.
    """
    found = list(tips[:batch])
    if not found:
        return
    with borrow_objects(published_repository(mirror)) as objects:
        while found:
            yield from [tip for tip in found if objects.header(tip.commit) is not None]
            found = list(tips.filter(number__gt=found[-1].number)[:batch])


def _applied(mirror: Mirror, search: str, start: str, limit: int) -> list[ListedRef]:
    rows = Proposal.objects.filter(project_id=mirror.project_id).exclude(applied_commit="")
    rows = rows.filter(new_name__icontains=search) if search else rows
    if start:
        rows = rows.filter(pk__gt=start.rpartition("/")[2])
    return [
        ListedRef(f"applied/{row.pk}", "applied", row.applied_commit, reason=row.new_name)
        for row in rows.order_by("pk")[:limit]
    ]


SOURCES: Final[dict[str, Any]] = {
    "applied": _applied,
    "archived": _archived,
    "branch": _published("branch"),
    "tag": _published("tag"),
}
