"""The one transaction that switches what readers see: refs, head, manifest, file rows, all or nothing."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from apps.projects.announcing import announce_manifest
from apps.projects.faults import fault
from apps.projects.git.remotes import folder_bytes
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.manifests.values import BuiltManifest
from apps.projects.mirroring.attempt import NEW_GENERATION, Attempt, lock_mirror
from apps.projects.mirroring.refs import CHANGES_SHOWN, RefChange, RefTarget, Snapshot, count_changes
from apps.projects.mirroring.scheduling import database_now, due_columns
from apps.projects.mirroring.tips import Tip, record_tips
from apps.projects.models import ArchivedTip, Manifest, Mirror, Project, Ref
from apps.projects.notices import tell_history_rewritten
from apps.projects.states import MirrorState, RefKind, RunKind, RunOutcome

REWRITTEN_SHOWN: Final = 20
BATCH: Final = 2_000


@dataclass(slots=True)
class Found:
    """What a run has found and wants to publish; `tracked` is a name in the snapshot, or empty."""

    snapshot: Snapshot
    tracked: str
    built: BuiltManifest
    changes: Sequence[RefChange] = ()
    tips: Sequence[Tip] = ()
    # Rows of kept tips whose commits are in no generation any more.
    lost_tips: Sequence[uuid.UUID] = ()
    bytes_received: int = 0

    @property
    def head_commit(self) -> str:
        """Return the tracked commit, empty if there is none."""
        return self.snapshot.refs[self.tracked].commit if self.tracked else ""


def publish(attempt: Attempt, found: Found) -> None:
    """Publish and end the run in one transaction; raises LeaseLost if the fence is not this attempt's."""
    size_bytes = folder_bytes(attempt.repository)
    fault("sync.before_transaction")
    with transaction.atomic():
        mirror, now = lock_mirror(attempt), database_now()
        before = (mirror.head_commit, mirror.head_ref)
        switch_refs(mirror.project, found.snapshot.refs)
        ArchivedTip.objects.filter(mirror=mirror, pk__in=found.lost_tips).delete()
        record_tips(mirror, found.tips, project=mirror.project, now=now)
        manifest = publish_manifest(project=mirror.project, built=found.built)
        _switch_mirror(attempt, mirror, found, size_bytes, now)
        has_changed = bool(found.changes) or before != (mirror.head_commit, mirror.head_ref)
        _tell(attempt, found, manifest)
        fault("sync.before_commit")
        attempt.run.succeed(**_run_columns(attempt, found, manifest, has_changed=has_changed))
    fault("sync.committed")


def switch_refs(project: Project, refs: Mapping[str, RefTarget]) -> None:
    """Make the Ref rows those of a snapshot; only rows that differ are touched."""
    rows = Ref.objects.filter(organization_id=project.organization_id, project=project)
    known = {
        name: RefTarget(target, commit)
        for name, target, commit in rows.values_list("name", "target", "commit")
    }
    stale = [name for name, ref in known.items() if refs.get(name) != ref]
    for start in range(0, len(stale), BATCH):
        rows.filter(name__in=stale[start : start + BATCH]).delete()
    fresh = [_row(project, name, ref) for name, ref in refs.items() if known.get(name) != ref]
    Ref.objects.bulk_create(fresh, batch_size=BATCH)


def _row(project: Project, name: str, ref: RefTarget) -> Ref:
    return Ref(
        organization_id=project.organization_id,
        project=project,
        name=name,
        kind=RefKind.BRANCH if name.startswith("heads/") else RefKind.TAG,
        commit=ref.commit,
        target=ref.target,
    )


def _switch_mirror(attempt: Attempt, mirror: Mirror, found: Found, size_bytes: int, now: dt.datetime) -> None:
    """Write the columns of the published state; the row is locked under the fence."""
    if found.changes or mirror.head_commit != found.head_commit or mirror.last_changed_at is None:
        mirror.last_changed_at = now
    mirror.head_commit, mirror.head_ref = found.head_commit, found.tracked
    mirror.default_branch = found.snapshot.default_branch
    mirror.ref_count = len(found.snapshot.refs)
    mirror.file_count = found.built.file_count
    mirror.lfs = dict(found.built.lfs)
    mirror.size_bytes = size_bytes
    mirror.generation, mirror.snapshot = attempt.generation, found.snapshot.number
    mirror.refs_digest = found.snapshot.digest
    if attempt.kind is not RunKind.MANIFEST:
        mirror.last_synced_at = now
    if attempt.kind in NEW_GENERATION:
        mirror.missing_objects = 0
    if attempt.kind is RunKind.RECLONE:
        mirror.recloned_at = now
    rewritten = [change for change in found.changes if change.forced]
    at = now.isoformat().replace("+00:00", "Z")
    fresh = [{"ref": each.ref, "old": each.old, "new": each.new, "at": at} for each in rewritten]
    mirror.rewritten = [*fresh, *mirror.rewritten][:REWRITTEN_SHOWN]
    mark_sound(mirror, now)
    mirror.save()


def mark_sound(mirror: Mirror, now: dt.datetime) -> None:
    """Set the columns of a mirror whose run went well; the caller saves it."""
    mirror.state = MirrorState.ACTIVE
    mirror.failures = 0
    mirror.error_code = mirror.error_detail = mirror.error_cause = ""
    for name, value in due_columns(mirror, now=now).items():
        setattr(mirror, name, value)


def _run_columns(attempt: Attempt, found: Found, manifest: Manifest, *, has_changed: bool) -> dict[str, Any]:
    if not found.head_commit:
        outcome = RunOutcome.EMPTY
    else:
        outcome = RunOutcome.CHANGED if has_changed else RunOutcome.UNCHANGED
    shown = [
        {"ref": each.ref, "old": each.old, "new": each.new, "forced": each.forced}
        for each in found.changes[:CHANGES_SHOWN]
    ]
    return {
        "outcome": outcome,
        "commit_after": found.head_commit,
        "refs": count_changes(list(found.changes)),
        "ref_changes": shown,
        "bytes_received": found.bytes_received,
        "duration_ms": attempt.elapsed_ms,
        "generation": attempt.generation,
        "manifest_version": manifest.number,
    }


def _tell(attempt: Attempt, found: Found, manifest: Manifest) -> None:
    announce_manifest(manifest)
    rewritten = [change.ref for change in found.changes if change.forced]
    if rewritten:
        tell_history_rewritten(attempt.row, refs=rewritten)
