"""What of mirrors leaves when its time is over: runs, archived tips, folders.

Every function may be killed anywhere and run again. Nothing here decides when: the clock of all apps does.
"""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from apps.common.db import JobStatus
from apps.common.keeping import KeepingRule, row_rule
from apps.projects.git.layout import generation_folder, mirror_folder
from apps.projects.git.processes import run_git
from apps.projects.models import ArchivedTip, File, Mirror, MirrorRun, Ref
from apps.projects.models.mirror import LIVE

RUNS_KEPT_FOR: Final = dt.timedelta(days=90)
UNLINKED_FOR: Final = dt.timedelta(days=7)
# A folder that is made right now may not have its row's commit yet.
ORPHANED_FOR: Final = dt.timedelta(days=1)
ENDED: Final = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


def past_runs(now: dt.datetime) -> QuerySet[MirrorRun]:
    """Return the runs that ended 90 days ago."""
    rows: QuerySet[MirrorRun] = MirrorRun.objects.filter(status__in=ENDED, created_at__lt=now - RUNS_KEPT_FOR)
    return rows


def past_tips(now: dt.datetime) -> QuerySet[ArchivedTip]:
    """Return the archived tips whose time is over."""
    rows: QuerySet[ArchivedTip] = ArchivedTip.objects.filter(expires_at__lt=now)
    return rows


def drop_past_tips(now: dt.datetime) -> int:
    """Delete past tips with their refs; return how many."""
    count = 0
    for tip in past_tips(now).select_related("mirror").order_by("pk"):
        tip.delete()
        count += 1
        folder = generation_folder(tip.mirror_id, tip.mirror.generation)
        if folder.exists():
            run_git(folder, "update-ref", "-d", f"refs/sextant/archive/{tip.number}")
    return count


def unlinked(now: dt.datetime) -> QuerySet[Mirror]:
    """Return the mirrors that were unlinked a week ago and still have a folder or rows."""
    rows: QuerySet[Mirror] = Mirror.objects.filter(unlinked_at__lt=now - UNLINKED_FOR, generation__gt=0)
    return rows


def drop_unlinked(now: dt.datetime) -> int:
    """Remove the folders and file rows of mirrors unlinked a week ago; return how many."""
    return sum(_drop_unlinked(mirror_id, now) for mirror_id in unlinked(now).values_list("pk", flat=True))


def _drop_unlinked(mirror_id: uuid.UUID, now: dt.datetime) -> int:
    with transaction.atomic():
        # Locked and looked at again: somebody may link it at this moment.
        mirror = unlinked(now).select_for_update(of=("self",)).filter(pk=mirror_id).first()
        if mirror is None:
            return 0
        for model in (Ref, File):
            model.objects.filter(
                organization_id=mirror.organization_id, project_id=mirror.project_id
            ).delete()
        ArchivedTip.objects.filter(mirror=mirror).delete()
        Mirror.objects.filter(pk=mirror.pk).update(
            generation=0, snapshot=0, head_commit="", head_ref="", refs_digest=b"", size_bytes=0
        )
        # Last, and before the commit: killed in between, the row still leads here.
        shutil.rmtree(mirror_folder(mirror.pk), ignore_errors=True)
    return 1


def orphans(now: dt.datetime) -> Iterator[Path]:
    """Yield folders of no mirror, and generations that are not published and nobody works on."""
    known = dict(Mirror.objects.values_list("pk", "generation"))
    busy = set(MirrorRun.objects.filter(LIVE).values_list("mirror_id", flat=True))
    for folder in (Path(settings.PROJECTS_DATA_DIR) / "mirrors").glob("*/*"):
        mirror_id = _id_of(folder)
        if mirror_id is None or mirror_id in busy or not _is_old(folder, now):
            continue
        if mirror_id not in known:
            yield folder
            continue
        yield from (
            path for path in folder.glob("*.git") if path.stem != str(known[mirror_id]) and _is_old(path, now)
        )


def drop_orphans(now: dt.datetime) -> int:
    """Remove the folders that nobody reads; return how many."""
    found = list(orphans(now))
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def _id_of(folder: Path) -> uuid.UUID | None:
    try:
        return uuid.UUID(folder.name)
    except ValueError:
        return None


def _is_old(folder: Path, now: dt.datetime) -> bool:
    return folder.stat().st_mtime < (now - ORPHANED_FOR).timestamp()


RULES: Final = (
    row_rule("projects.runs", past_runs),
    KeepingRule("projects.archived_tips", count=lambda now: past_tips(now).count(), drop=drop_past_tips),
    KeepingRule("projects.unlinked", count=lambda now: unlinked(now).count(), drop=drop_unlinked),
    KeepingRule("projects.generations", count=lambda now: len(list(orphans(now))), drop=drop_orphans),
)
