"""Tips that the remote rewrote or deleted, kept by refs/sextant/archive/<number>: still to be read."""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog
from django.db.models import Max

from apps.common.jobs import LeaseLost
from apps.projects.errors import GitFailed
from apps.projects.git.layout import generation_folder
from apps.projects.git.processes import run_git
from apps.projects.mirroring.attempt import NEW_GENERATION, Attempt
from apps.projects.mirroring.generations import copy_from, delete_refs
from apps.projects.mirroring.refs import RefChange
from apps.projects.models import ArchivedTip, Mirror, Project

ARCHIVE_REFS: Final = "refs/sextant/archive"
REF_MAX_CHARS: Final = 300
REWRITTEN: Final = "rewritten"
DELETED: Final = "deleted"
# Exit codes of git for "no" and for objects that are not there; the output then is empty.
ANSWERED: Final = frozenset({0, 1, 128})

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tip:
    """An old tip, with the number of the ref that keeps it."""

    number: int
    ref: str
    commit: str
    reason: str


def archive_ref(number: int) -> str:
    """Return the ref that keeps an archived tip."""
    return f"{ARCHIVE_REFS}/{number}"


def mark_forced(repository: Path, changes: Sequence[RefChange], beat: Callable[[], None]) -> list[RefChange]:
    """Return the changes, with those marked whose new commit does not descend from the old one."""
    marked = []
    for change in changes:
        is_forced = bool(change.old and change.new) and not _descends(repository, change)
        marked.append(replace(change, forced=is_forced))
        beat()
    return marked


def keep_tips(attempt: Attempt, changes: Sequence[RefChange]) -> list[Tip]:
    """Make refs for the tips that rewritten and deleted refs had; their rows follow in the publication.

    A tip that is kept already gets no second ref. Raises LeaseLost if another claim is at it, too.
    """
    project, mirror = attempt.project, attempt.mirror
    if project.option("history_tips") == 0:
        return []
    lost = [change for change in changes if change.old and (change.forced or not change.new)]
    lost = [change for change in lost if len(change.ref) <= REF_MAX_CHARS]
    known = set(ArchivedTip.objects.filter(mirror=mirror).values_list("ref", "commit"))
    number = ArchivedTip.objects.filter(mirror=mirror).aggregate(last=Max("number"))["last"] or 0
    tips = []
    for change in lost:
        if (change.ref, change.old) in known or not _bring(attempt, change.old):
            continue
        number += 1
        _create(attempt, number, change.old)
        tips.append(Tip(number, change.ref, change.old, REWRITTEN if change.forced else DELETED))
        attempt.beat()
    return tips


def take_over_tips(attempt: Attempt) -> list[uuid.UUID]:
    """Make sure that a new generation has the ref of every kept tip; return the rows of those it cannot have.

    What the generation before has lost to damage is in neither: the publication drops such rows, since nobody
    could ever read what they name. Raises LeaseLost if another claim is at it, too.
    """
    lost = []
    listed = run_git(attempt.repository, "for-each-ref", "--format=%(refname) %(objectname)", ARCHIVE_REFS)
    kept = set(listed.decode().splitlines())
    for tip in ArchivedTip.objects.filter(mirror=attempt.mirror).order_by("number"):
        if f"{archive_ref(tip.number)} {tip.commit}" in kept:
            continue
        if _bring(attempt, tip.commit):
            _create(attempt, tip.number, tip.commit)
        else:
            lost.append(tip.pk)
        attempt.beat()
    if lost:
        logger.warning("tips_lost", mirror=str(attempt.mirror.pk), count=len(lost))
    return lost


def record_tips(mirror: Mirror, tips: Sequence[Tip], *, project: Project, now: dt.datetime) -> None:
    """Add the rows of kept tips, in the publication."""
    expires_at = now + dt.timedelta(days=project.option("history_days"))
    ArchivedTip.objects.bulk_create(
        ArchivedTip(
            organization_id=mirror.organization_id,
            project_id=mirror.project_id,
            mirror=mirror,
            number=tip.number,
            ref=tip.ref,
            commit=tip.commit,
            reason=tip.reason,
            expires_at=expires_at,
        )
        for tip in tips
    )


def trim_tips(mirror: Mirror, refs: Sequence[str], *, kept: int) -> int:
    """Drop the oldest tips of refs that have more than `kept`; return how many."""
    return sum(_trim(mirror, ref, kept) for ref in set(refs))


def _trim(mirror: Mirror, ref: str, kept: int) -> int:
    rows = ArchivedTip.objects.filter(mirror=mirror, ref=ref).order_by("-number")
    return drop_tips(mirror, list(rows[kept:]))


def drop_tips(mirror: Mirror, rows: Sequence[ArchivedTip]) -> int:
    """Delete tips; a ref that outlives its row is removed later, a row must not outlive its ref."""
    ArchivedTip.objects.filter(pk__in=[row.pk for row in rows]).delete()
    folder = generation_folder(mirror.pk, mirror.generation)
    if rows and folder.exists():
        delete_refs(folder, [archive_ref(row.number) for row in rows])
    return len(rows)


def _descends(repository: Path, change: RefChange) -> bool:
    # The best common ancestor of an ancestor and its descendant is the ancestor itself.
    found = run_git(repository, "merge-base", change.old, change.new, accepted=ANSWERED)
    return found.strip().decode() == change.old


def _bring(attempt: Attempt, commit: str) -> bool:
    """Tell whether a commit is in the run's repository, after a look into the generation before."""
    if _has(attempt.repository, commit):
        return True
    mirror = attempt.mirror
    if attempt.kind not in NEW_GENERATION or mirror.generation == 0:
        return False
    old = generation_folder(mirror.pk, mirror.generation)
    return old.exists() and copy_from(old, attempt.repository, f"+{commit}:refs/sextant/carried/{commit}")


def _has(repository: Path, commit: str) -> bool:
    name = f"{commit}^{{commit}}"
    return bool(run_git(repository, "rev-parse", "--verify", "--quiet", name, accepted=ANSWERED).strip())


def _create(attempt: Attempt, number: int, commit: str) -> None:
    """Make the ref of a tip; one of that number without a row is left over from an attempt that died."""
    name = archive_ref(number)
    found = run_git(attempt.repository, "for-each-ref", "--format=%(objectname)", name).decode().strip()
    old = found or "0" * len(commit)
    try:
        # Compared and set: a paused worker must not move a ref that its successor has published.
        run_git(attempt.repository, "update-ref", name, commit, old)
    except GitFailed as error:
        raise LeaseLost from error
