"""Looking whether mirrors are whole, here and now: objects, refs, manifest."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import F

from apps.projects.errors import GitFailed
from apps.projects.manifests.verifying import Finding, verify_manifest
from apps.projects.mirroring.queueing import queue_run
from apps.projects.mirroring.verifying import look, record, wrong_refs
from apps.projects.models import Manifest, Mirror, Project
from apps.projects.states import ManifestState, RunKind, RunTrigger


def mirrors_to_verify(project: Project | None, *, limit: int) -> Iterator[Mirror]:
    """Yield the published mirror of a project, or those that were looked at longest ago."""
    rows = Mirror.objects.filter(
        unlinked_at__isnull=True, generation__gt=0, project__deleted_at__isnull=True
    ).select_related("project__organization")
    if project is not None:
        rows = rows.filter(project=project)
    yield from rows.order_by(F("verified_at").asc(nulls_first=True), "pk")[:limit]


def verify_mirror(mirror: Mirror, *, is_repaired: bool = False) -> list[Finding]:
    """Return all that is wrong with a mirror, nothing if it is sound; `is_repaired` clones damage anew."""
    found = list(_findings(mirror))
    if found and is_repaired:
        queue_run(mirror, RunKind.RECLONE, trigger=RunTrigger.COMMAND)
    return found


def _findings(known: Mirror) -> Iterator[Finding]:
    # Others before this one took their time; syncs have gone on.
    mirror = Mirror.objects.select_related("project").get(pk=known.pk)
    soundness = look(mirror)
    with transaction.atomic():
        record(mirror, soundness)
    if soundness.missing or soundness.is_tree_hit:
        # A repository that is gone altogether misses none in particular.
        told = f"{soundness.missing} objects are missing." if soundness.missing else "The repository is gone."
        yield Finding("objects", told)
    try:
        if wrong := wrong_refs(mirror):
            yield Finding("refs", f"{len(wrong)} refs differ, {wrong[0]} among them.")
        current = Manifest.objects.filter(project=mirror.project_id, state=ManifestState.CURRENT)
        for manifest in current.select_related("project"):
            yield from verify_manifest(manifest)
    except GitFailed as error:
        yield Finding("repository", error.detail)
