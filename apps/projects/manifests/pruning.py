"""Old manifests go: all but the last ones and those that jobs or proposals name; facts of no use, too."""

import datetime as dt
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.projects.manifests.values import GENERATOR
from apps.projects.models import CodeJob, Manifest, Project, Proposal
from apps.projects.states import ManifestState

KEPT_VERSIONS: Final = 20
# A version that was built and never published: its run failed, and nobody came back to its commit.
UNPUBLISHED_FOR: Final = dt.timedelta(days=1)
DROP_OLD_FACTS: Final = "DELETE FROM projects_blob_fact WHERE organization_id = %s AND generator <> %s"


def prune_manifests(*, project: Project, now: dt.datetime) -> int:
    """Drop the documents of versions that nobody needs; return how many went. Safe to be killed and repeated.

    The row stays, pruned: its number and digest are never given again.
    """
    _mark(project, now)
    marked = Manifest.objects.filter(project=project, state=ManifestState.PRUNED).exclude(storage_key="")
    count = 0
    for manifest in marked:
        # The file first: killed in between, the row still says where to look.
        default_storage.delete(manifest.storage_key)
        rows = Manifest.objects.filter(pk=manifest.pk, state=ManifestState.PRUNED)
        count += rows.update(storage_key="", size_bytes=0)
    return count


def _mark(project: Project, now: dt.datetime) -> None:
    manifests = Manifest.objects.filter(project=project)
    last = manifests.exclude(state=ManifestState.BUILDING).order_by("-number").values("pk")[:KEPT_VERSIONS]
    named = [Exists(model.objects.filter(manifest=OuterRef("pk"))) for model in (CodeJob, Proposal)]
    superseded = Q(state=ManifestState.SUPERSEDED)
    forgotten = Q(state=ManifestState.BUILDING, updated_at__lt=now - UNPUBLISHED_FOR)
    stale = manifests.filter(superseded | forgotten).exclude(pk__in=list(last.values_list("pk", flat=True)))
    stale.filter(*(~exists for exists in named)).update(state=ManifestState.PRUNED)


def prune_facts(*, project: Project) -> int:
    """Drop what older generators knew of the organization's blobs; return how many rows went."""
    with connection.cursor() as cursor:
        cursor.execute(DROP_OLD_FACTS, [project.organization_id, GENERATOR])
        return cursor.rowcount
