"""The folders of a mirror's repositories: made, measured, given up, swept, repacked.

Only the published generation is read. Whatever else lies there belongs to a run, or to one that died.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from apps.common.jobs import LeaseLost
from apps.projects.errors import GitFailed
from apps.projects.git.failures import StorageFull
from apps.projects.git.layout import generation_folder, mirror_folder
from apps.projects.git.processes import run_git
from apps.projects.mirroring.attempt import NEW_GENERATION, Attempt, lock_mirror
from apps.projects.mirroring.refs import below
from apps.projects.models import Mirror

ROOM_FACTOR: Final = 3
INODES_MIN: Final = 200
PACKS_MAX: Final = 50
LOOSE_REFS_MAX: Final = 100
REPACK_TIMEOUT_S: Final = 300.0
SEXTANT_REFS: Final = "refs/sextant"

logger = structlog.get_logger(__name__)


def prepare(attempt: Attempt, *, object_format: str) -> set[str]:
    """Make the run's repository ready to be fetched into; return the names of the packs that it has.

    `object_format` is `sha1` or `sha256`. Raises StorageFull. What runs that died have left there is removed:
    this claim's fence makes it nobody's.
    """
    check_room(attempt)
    folder = attempt.repository
    if attempt.kind in NEW_GENERATION:
        remove_dead_generations(attempt.mirror)
        folder.mkdir(parents=True, mode=0o700)
        options = ("--quiet", "--bare", "--template=", "--shared=0600", f"--object-format={object_format}")
        run_git(None, "init", *options, str(folder))
        return set()
    remove_leftovers(folder)
    # Snapshots newer than the published one are of attempts that died.
    published = attempt.mirror.snapshot
    dead = [name for name in list_refs(folder, "refs/snapshots") if _number_of(name) > published]
    delete_refs(folder, dead)
    return packs_of(folder)


def check_room(attempt: Attempt) -> None:
    """Raise StorageFull unless the disk has room for what may come, and inodes.

    The quota for a clone, else 3 x the size.
    """
    mirror = attempt.mirror
    is_new = attempt.kind in NEW_GENERATION
    needed = attempt.max_bytes if is_new else ROOM_FACTOR * mirror.size_bytes
    root = Path(settings.PROJECTS_DATA_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk = os.statvfs(root)
    if disk.f_bavail * disk.f_frsize < needed:
        raise StorageFull(cause=f"fewer than {needed} bytes are free")
    # A file system that makes inodes as it needs them says that it has none at all.
    if disk.f_files and disk.f_favail < INODES_MIN:
        raise StorageFull(cause=f"fewer than {INODES_MIN} inodes are free")
    if attempt.max_bytes == 0:
        raise StorageFull(cause="the organization's mirrors take all that they may")


def holds_published(mirror: Mirror) -> bool:
    """Tell whether the repository is there with the published snapshot, and no other one in its place."""
    folder = generation_folder(mirror.pk, mirror.generation)
    if not mirror.ref_count:
        return folder.exists()
    prefix = below(mirror.snapshot)
    packed = folder / "packed-refs"
    return (folder / prefix).exists() or (packed.exists() and f" {prefix}/".encode() in packed.read_bytes())


def packs_of(folder: Path) -> set[str]:
    """Return the names of a repository's packs."""
    return {path.stem for path in (folder / "objects" / "pack").glob("*.pack")}


def remove_leftovers(folder: Path) -> None:
    """Remove locks and half packs of runs that died."""
    for path in (*folder.glob("*.lock"), *folder.glob("refs/**/*.lock")):
        path.unlink(missing_ok=True)
    for path in (folder / "objects").glob("pack/tmp_*"):
        path.unlink(missing_ok=True)
    for path in (folder / "objects").glob("incoming-*"):
        shutil.rmtree(path, ignore_errors=True)


def discard(attempt: Attempt) -> None:
    """Remove a repository that was made for this attempt."""
    shutil.rmtree(attempt.repository, ignore_errors=True)


def give_up(attempt: Attempt, packs_before: set[str] | None) -> None:
    """Remove what a failed attempt has brought: its generation, or its refs and packs in a published one."""
    if attempt.kind in NEW_GENERATION:
        discard(attempt)
        return
    # The lock keeps a successor from its claim: what it fetches must not be taken for this attempt's.
    with suppress(LeaseLost), transaction.atomic():
        lock_mirror(attempt)
        if packs_before is not None:
            _remove_fetched(attempt.repository, below(attempt.fence), packs_before)


def _remove_fetched(folder: Path, prefix: str, packs_before: set[str]) -> None:
    remove_leftovers(folder)
    delete_refs(folder, list_refs(folder, prefix))
    for name in packs_of(folder) - packs_before:
        # The index goes last: without its pack git ignores it.
        for suffix in ("pack", "keep", "rev", "bitmap", "idx"):
            (folder / "objects" / "pack" / f"{name}.{suffix}").unlink(missing_ok=True)


def pack_refs(folder: Path) -> None:
    """Put the refs of a snapshot into one file where there are many."""
    if sum(1 for _ in (folder / "refs").rglob("*")) > LOOSE_REFS_MAX:
        run_git(folder, "pack-refs", "--all")


def repack(folder: Path) -> bool:
    """Join packs where there are too many; tell whether there were. Objects that nothing names stay."""
    if len(packs_of(folder)) <= PACKS_MAX:
        return False
    options = ("--geometric=2", "-d", "--quiet", "--no-write-bitmap-index")
    run_git(folder, "repack", *options, timeout_s=REPACK_TIMEOUT_S)
    return True


def list_refs(folder: Path, prefix: str) -> list[str]:
    """Return the full names of the refs below a prefix."""
    return _lines(run_git(folder, "for-each-ref", "--format=%(refname)", prefix))


def delete_refs(folder: Path, names: list[str]) -> None:
    """Delete refs, whatever they name; those that are gone already do no harm."""
    if names:
        commands = "".join(f"delete {name}\n" for name in names)
        run_git(folder, "update-ref", "--stdin", stdin=commands.encode("utf-8", "surrogateescape"))


def copy_sextant_refs(attempt: Attempt) -> None:
    """Bring refs/sextant/* of the published generation over to a new one, as far as it is sound."""
    mirror = attempt.mirror
    if mirror.generation == 0:
        return
    old = generation_folder(mirror.pk, mirror.generation)
    if not old.exists():
        return
    try:
        names = list_refs(old, SEXTANT_REFS)
    except GitFailed:
        # Too damaged to be listed: cloning anew is what mends it, so it must not wait for it.
        logger.warning("tips_not_copied", mirror=str(mirror.pk))
        return
    for name in names:
        copy_from(old, attempt.repository, f"+{name}:{name}")


def copy_from(old: Path, new: Path, refspec: str) -> bool:
    """Fetch one refspec from another of our own repositories; tell whether that could be done."""
    upload = "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true upload-pack"
    options = ("--no-tags", "--no-write-fetch-head", "--quiet", upload)
    accepted = frozenset({0, 1, 128})
    run_git(
        new,
        "fetch",
        *options,
        "--",
        str(old),
        refspec,
        extra={"GIT_ALLOW_PROTOCOL": "file"},
        accepted=accepted,
    )
    target = refspec.rpartition(":")[2]
    return bool(run_git(new, "for-each-ref", "--format=%(objectname)", target))


def sweep(mirror: Mirror) -> None:
    """Remove what readers have left: generations and snapshots older than the published ones."""
    if mirror.generation == 0:
        return
    for folder in _folders_of(mirror):
        if int(folder.stem) < mirror.generation:
            shutil.rmtree(folder, ignore_errors=True)
    folder = generation_folder(mirror.pk, mirror.generation)
    if folder.exists():
        names = list_refs(folder, "refs/snapshots")
        delete_refs(folder, [name for name in names if _number_of(name) < mirror.snapshot])


def remove_dead_generations(mirror: Mirror) -> None:
    """Remove generations newer than the published one, of attempts that died; for whoever holds the fence."""
    for folder in _folders_of(mirror):
        if int(folder.stem) > mirror.generation:
            shutil.rmtree(folder, ignore_errors=True)


def _folders_of(mirror: Mirror) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from (path for path in mirror_folder(mirror.pk).iterdir() if path.stem.isdigit())


def _number_of(ref: str) -> int:
    part = ref.split("/")[2]
    return int(part) if part.isdigit() else 0


def _lines(output: bytes) -> list[str]:
    return output.decode("utf-8", "surrogateescape").splitlines()
