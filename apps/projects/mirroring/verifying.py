"""The job `projects.verify_mirror`: whether everything that the refs lead to is there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import transaction

from apps.common.jobs import JobCancelled, Run, job
from apps.projects.errors import GitFailed, NotLinked
from apps.projects.git.layout import generation_folder
from apps.projects.git.processes import run_git
from apps.projects.mirroring.generations import holds_published
from apps.projects.mirroring.job import LISTING, of_living_projects
from apps.projects.mirroring.refs import read_snapshot
from apps.projects.mirroring.scheduling import database_now, due_columns
from apps.projects.models import Mirror, MirrorRun, Ref
from apps.projects.states import MirrorState, RunKind, RunOutcome

TIMEOUT_S: Final = 1_500.0
CORRUPT_CODE: Final = "projects.repo_corrupt"
CORRUPT_DETAIL: Final = "The copy of the repository is damaged."


@dataclass(frozen=True, slots=True)
class Soundness:
    """How many objects are missing in all, and whether the published tree is among what they hit.

    `is_lost`: what was published is not there at all. `has_wrong_refs`: readers see others than it has.
    """

    missing: int
    is_tree_hit: bool
    is_lost: bool = False
    has_wrong_refs: bool = False


@job(
    kind="projects.verify_mirror",
    model="projects.MirrorRun",
    queue="low_priority",
    only={"kind": RunKind.VERIFY},
    listing=LISTING,
    claimable=of_living_projects,
)
def run_verify(run: Run[MirrorRun]) -> None:
    """Look for every object of the published generation."""
    mirror = Mirror.objects.get(pk=run.row.mirror_id)
    if mirror.unlinked_at is not None or mirror.generation == 0:
        raise JobCancelled
    run.progress(0.0, stage="checking")
    found = look(mirror)
    with transaction.atomic():
        record(mirror, found)
        run.succeed(
            outcome=RunOutcome.MISSING if found.missing else RunOutcome.SOUND,
            generation=mirror.generation,
            commit_after=mirror.head_commit,
        )


def look(mirror: Mirror) -> Soundness:
    """Walk everything that the refs lead to; what a shallow remote has cut off counts as missing."""
    folder = generation_folder(mirror.pk, mirror.generation)
    if not holds_published(mirror):
        return Soundness(0, is_tree_hit=True, is_lost=True)
    missing = _missing(folder, "--all")
    in_tree = _missing(folder, "--no-walk", mirror.head_commit) if mirror.head_commit else 0
    if missing is None:
        # Not even the commits are there: how much hangs on them nobody knows.
        missing = 1 + (in_tree or 0)
    return Soundness(
        missing + _cut_off(folder), is_tree_hit=in_tree != 0, has_wrong_refs=_has_wrong_refs(mirror)
    )


def record(mirror: Mirror, found: Soundness) -> None:
    """Write down what was found, unless another generation was published meanwhile.

    What was said of refs is forgotten where another snapshot was: it has refs of its own.
    """
    now = database_now()
    locked = Mirror.objects.select_for_update(of=("self",)).select_related("project__organization")
    held = locked.filter(pk=mirror.pk, generation=mirror.generation, unlinked_at__isnull=True).first()
    if held is None:
        return
    held.verified_at, held.missing_objects = now, found.missing
    is_same = held.snapshot == mirror.snapshot
    is_damaged = found.is_tree_hit and (is_same or not found.is_lost)
    is_damaged |= found.has_wrong_refs and is_same
    if is_damaged and held.state != MirrorState.RECLONING:
        if found.is_lost:
            # Nothing is left to serve until tomorrow: whoever took it away has not damaged a copy.
            held.recloned_at = None
        held.state = MirrorState.CORRUPT
        held.error_code, held.error_detail = CORRUPT_CODE, CORRUPT_DETAIL
        # The clock clones anew what is corrupt, at most once a day.
        for name, value in due_columns(held, now=now).items():
            setattr(held, name, value)
    held.save()


def wrong_refs(mirror: Mirror) -> list[str]:
    """Return the names of refs that readers see elsewhere than the repository has them; raises GitFailed."""
    if mirror.generation == 0:
        raise NotLinked
    with transaction.atomic():
        # A publication holds this lock, too: rows of one snapshot must not be held against another one.
        held = Mirror.objects.select_for_update(no_key=True).get(pk=mirror.pk)
        rows = Ref.objects.filter(organization_id=mirror.organization_id, project_id=mirror.project_id)
        shown = {row.name: (row.target, row.commit) for row in rows}
    folder = generation_folder(held.pk, held.generation)
    kept = read_snapshot(folder, held.snapshot, held.default_branch).refs
    lying = {name: (ref.target, ref.commit) for name, ref in kept.items()}
    return sorted(name for name in shown.keys() | lying.keys() if shown.get(name) != lying.get(name))


def _has_wrong_refs(mirror: Mirror) -> bool:
    try:
        return bool(wrong_refs(mirror))
    except GitFailed:
        # Refs that cannot be listed are none that readers could follow.
        return True


def _missing(folder: Path, *what: str) -> int | None:
    """Count the missing objects of a walk; None if it cannot be walked."""
    call = ("rev-list", "--objects", "--missing=print", "--quiet", *what)
    try:
        output = run_git(folder, *call, timeout_s=TIMEOUT_S)
    except GitFailed:
        return None
    return sum(line.startswith(b"?") for line in output.splitlines())


def _cut_off(folder: Path) -> int:
    """Count the commits whose parents a shallow remote did not have."""
    path = folder / "shallow"
    return len(path.read_bytes().splitlines()) if path.exists() else 0
