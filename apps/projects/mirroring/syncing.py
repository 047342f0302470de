"""The stages of a run: connecting, fetching, checking, manifest, publishing (projects.md section 3, Sync).

No transaction is held over network, files or git. Whatever raises before the publication changes nothing that
readers see.
"""

import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from apps.common.errors import DomainError
from apps.common.jobs import JobCancelled, WorkerStopping
from apps.common.jobs.queues import QUEUES
from apps.projects.errors import GitFailed
from apps.projects.faults import fault
from apps.projects.git.addresses import PinnedRemote, pin
from apps.projects.git.failures import RepoCorrupt, RepoLost, RepoTooLarge, RepoUnreachable, StorageFull
from apps.projects.git.objects import open_objects
from apps.projects.git.remotes import (
    REFS_MAX,
    Beat,
    Login,
    RemoteRefs,
    fetch_snapshot,
    folder_bytes,
    list_refs,
)
from apps.projects.manifests.building import build_manifest
from apps.projects.manifests.values import BuiltManifest
from apps.projects.mirroring import generations
from apps.projects.mirroring.attempt import NEW_GENERATION, Attempt, login_of
from apps.projects.mirroring.publishing import Found, publish
from apps.projects.mirroring.refs import (
    RefTarget,
    Snapshot,
    below,
    choose_tracked,
    compare,
    digest_of,
    name_of,
    read_snapshot,
)
from apps.projects.mirroring.settling import end_unchanged, note_credential
from apps.projects.mirroring.tips import keep_tips, mark_forced, take_over_tips, trim_tips
from apps.projects.models import Mirror, Ref
from apps.projects.states import RunKind

# All that hides behind "unreachable" takes so long: a refused address must look like a closed port.
UNREACHABLE_S: Final = 1.0
LOW_PRIORITY: Final = "low_priority"
# A clone that ran out of time gets this once, on the slow queue.
SLOW_WALL_S: Final = 1_740.0
SHA256_CHARS: Final = 64
USUAL_FORMAT: Final = "sha1"
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
BRANCH_MAX_CHARS: Final = 255

logger = structlog.get_logger(__name__)


class OtherFormatError(Exception):
    """The remote's ids are of another format than those of the repository that was made for it."""


@dataclass(slots=True)
class Remote:
    """A remote whose address was vetted, how to sign in there, and what it has once that was asked."""

    pinned: PinnedRemote
    login: Login | None
    listed: RemoteRefs = field(default_factory=lambda: RemoteRefs(b""))
    is_listed: bool = False


def carry_out(attempt: Attempt, *, wall_s: float) -> None:
    """Do what the run is for, what comes from the remote within `wall_s`; raises what ends it."""
    if attempt.kind not in NEW_GENERATION and not generations.holds_published(attempt.mirror):
        # Also where the remote has no news: readers find nothing, however new it would be.
        raise RepoLost(cause="what was published is not in the repository's folder")
    if attempt.kind is RunKind.MANIFEST:
        publish(attempt, rebuild(attempt))
        return
    attempt.begin("connecting")
    remote = _vetted(attempt)
    if not _lists_meanwhile(attempt, remote):
        _list(attempt, remote, attempt.beat)
        if _is_unchanged(attempt, remote.listed):
            end_unchanged(attempt)
            return
        _expect_tracked(attempt, remote.listed)
        attempt.begin("fetching")
    packs_before: set[str] | None = None
    try:
        packs_before = generations.prepare(attempt, object_format=_format_of(remote.listed))
        found = _take_in(attempt, remote, wall_s)
        publish(attempt, found)
    except (DomainError, JobCancelled, WorkerStopping):
        generations.give_up(attempt, packs_before)
        raise
    except OSError as error:
        generations.give_up(attempt, packs_before)
        if error.errno in NO_ROOM:
            raise StorageFull(cause=str(error.strerror)) from error
        raise
    _tidy(attempt, found)


def _vetted(attempt: Attempt) -> Remote:
    """Vet the address for all that this run asks of it; raises RemoteFailed and its kinds."""
    login = login_of(attempt.mirror)
    with _noted(attempt), _uniformly():
        return Remote(pin(attempt.mirror.url), login)


def _lists_meanwhile(attempt: Attempt, remote: Remote) -> bool:
    """Tell whether what the remote has is asked while it is fetched: into a new repository all of it comes.

    With a credential one after the other: a host that refuses it must not be asked twice.
    """
    return attempt.kind in NEW_GENERATION and remote.login is None


def _list(attempt: Attempt, remote: Remote, beat: Beat) -> None:
    """Ask the remote what it has; raises RemoteFailed and its kinds."""
    with _noted(attempt), _uniformly():
        remote.listed = list_refs(remote.pinned, remote.login, beat=beat)
    remote.is_listed = True


@contextmanager
def _uniformly() -> Iterator[None]:
    """Let nobody tell by the time why a host was not reached."""
    began_s = time.monotonic()
    try:
        yield
    except RepoUnreachable:
        time.sleep(max(0.0, UNREACHABLE_S - (time.monotonic() - began_s)))
        raise


@contextmanager
def _noted(attempt: Attempt) -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        note_credential(attempt.mirror, error)
        raise
    note_credential(attempt.mirror, None)


def _is_unchanged(attempt: Attempt, listed: RemoteRefs) -> bool:
    if attempt.kind is not RunKind.FETCH or attempt.row.is_override:
        return False
    return digest_of(_default_of(listed), _named(listed)) == bytes(attempt.mirror.refs_digest)


def _default_of(listed: RemoteRefs) -> str:
    name = name_of(listed.default_branch)
    # One that cannot be kept is not followed by itself; it may be chosen.
    return name if len(name) <= BRANCH_MAX_CHARS else ""


def _named(listed: RemoteRefs) -> Mapping[str, str]:
    return {name_of(raw): target for raw, target in listed.targets.items()}


def _format_of(listed: RemoteRefs) -> str:
    ids = listed.targets.values()
    return "sha256" if any(len(target) == SHA256_CHARS for target in ids) else USUAL_FORMAT


def _expect_tracked(attempt: Attempt, listed: RemoteRefs) -> None:
    """Raise BranchMissing before anything is fetched."""
    refs = {name: RefTarget(target, target) for name, target in _named(listed).items()}
    _choose(attempt, Snapshot(0, _default_of(listed), refs))


def _choose(attempt: Attempt, snapshot: Snapshot) -> str:
    mirror = attempt.mirror
    # After a relink the old repository's default branch says nothing.
    is_same = bool(mirror.refs_digest)
    return choose_tracked(
        snapshot,
        wanted=attempt.project.tracked_ref,
        previous=mirror.default_branch if is_same else "",
        was_published=bool(mirror.head_commit) and is_same,
    )


def _take_in(attempt: Attempt, remote: Remote, wall_s: float) -> Found:
    """Fetch and check a snapshot, and build its manifest; raises what forbids to publish it."""
    size_before = folder_bytes(attempt.repository)
    try:
        _fetch(attempt, remote, wall_s)
    except OtherFormatError:
        generations.discard(attempt)
        generations.prepare(attempt, object_format=_format_of(remote.listed))
        _fetch(attempt, remote, wall_s)
    fault("sync.fetched")
    attempt.begin("checking")
    size = folder_bytes(attempt.repository)
    if size > attempt.max_bytes:
        raise RepoTooLarge
    generations.pack_refs(attempt.repository)
    snapshot = read_snapshot(attempt.repository, attempt.fence, _default_of(remote.listed))
    if len(snapshot.refs) > REFS_MAX:
        raise RepoTooLarge
    tracked = _choose(attempt, snapshot)
    built = _build(attempt, snapshot, tracked)
    found = Found(snapshot, tracked, built, bytes_received=max(0, size - size_before))
    attempt.begin("publishing")
    return _compared(attempt, found)


def _fetch(attempt: Attempt, remote: Remote, wall_s: float) -> None:
    """Fetch a snapshot, and ask meanwhile what the remote has unless that is known.

    Raises RemoteFailed and its kinds, what forbids to fetch it, OtherFormatError.
    """

    def look(beat: Beat) -> None:
        if remote.is_listed:
            return
        _list(attempt, remote, beat)
        _expect_tracked(attempt, remote.listed)
        attempt.begin("fetching")
        if _format_of(remote.listed) != USUAL_FORMAT:
            raise OtherFormatError

    with _uniformly():
        fetch_snapshot(
            remote.pinned,
            remote.login,
            repository=attempt.repository,
            below=below(attempt.fence),
            max_bytes=attempt.max_bytes,
            wall_s=max(0.0, wall_s - attempt.elapsed_s),
            beat=attempt.beat,
            meanwhile=look,
        )


def _build(attempt: Attempt, snapshot: Snapshot, tracked: str) -> BuiltManifest:
    """Build the manifest of the tracked commit; raises RepoCorrupt if that is none."""
    attempt.begin("manifest")
    commit = snapshot.refs[tracked].commit if tracked else ""
    if commit:
        with open_objects(attempt.repository) as objects:
            header = objects.header(commit)
        if header is None or header.type != "commit":
            raise RepoCorrupt(cause="the tracked ref names no commit")
    built = build_manifest(
        project=attempt.project,
        repository=attempt.repository,
        commit=commit,
        ref=tracked,
        beat=attempt.beat,
    )
    fault("sync.built")
    return built


def _compared(attempt: Attempt, found: Found) -> Found:
    """Add what differs from the published refs, and keep the tips that would be lost."""
    mirror = attempt.mirror
    rows = Ref.objects.filter(organization_id=mirror.organization_id, project_id=mirror.project_id)
    known = {
        name: RefTarget(target, commit)
        for name, target, commit in rows.values_list("name", "target", "commit")
    }
    found.changes = compare(known, found.snapshot.refs)
    if attempt.kind in NEW_GENERATION:
        generations.copy_sextant_refs(attempt)
        found.lost_tips = take_over_tips(attempt)
    # Another repository rewrites nothing: its branches are simply others.
    if mirror.refs_digest:
        found.changes = mark_forced(attempt.repository, found.changes, attempt.beat)
        found.tips = keep_tips(attempt, found.changes)
    return found


def _tidy(attempt: Attempt, found: Found) -> None:
    """Drop tips beyond the number that is kept, join packs; what fails here the next run does."""
    try:
        mirror = Mirror.objects.get(pk=attempt.mirror.pk)
        trim_tips(mirror, [tip.ref for tip in found.tips], kept=attempt.project.option("history_tips"))
        generations.repack(attempt.repository)
    except GitFailed:
        # The run has succeeded already, and stays so.
        logger.warning("mirror_not_tidied", mirror=str(attempt.mirror.pk))


def rebuild(attempt: Attempt) -> Found:
    """Find the tracked commit among the published refs, and build its manifest."""
    mirror = attempt.mirror
    attempt.begin("checking")
    snapshot = read_snapshot(attempt.repository, mirror.snapshot, mirror.default_branch)
    tracked = _choose(attempt, snapshot)
    built = _build(attempt, snapshot, tracked)
    attempt.begin("publishing")
    return Found(snapshot, tracked, built)


def wall_of(queue: str, timeout_s: float) -> float:
    """Return how long a fetch may take on a queue."""
    return SLOW_WALL_S if queue == LOW_PRIORITY else timeout_s


def slow_columns() -> dict[str, object]:
    """Return the columns that put a run onto the slow queue."""
    queue = QUEUES[LOW_PRIORITY]
    return {"queue": queue.name, "priority": queue.priority}
