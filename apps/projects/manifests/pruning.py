"""Old manifests leave: all but the last ones and those that jobs or proposals name; facts of no use, too."""

import datetime as dt
import uuid
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.common.keeping import KeepingRule
from apps.projects.manifests.values import GENERATOR
from apps.projects.models import CodeJob, Manifest, Proposal
from apps.projects.models.mirror import WRITING_KINDS
from apps.projects.states import ManifestState

KEPT_VERSIONS: Final = 20
# A version that was built and never published: its run failed, and nobody came back to its commit.
UNPUBLISHED_FOR: Final = dt.timedelta(days=1)

# What no tree lists that readers see, and what older generators knew. An organization whose mirrors are just
# being read is left alone: facts are learnt before the rows that need them are written.
_USELESS: Final = """
FROM projects_blob_fact AS fact
WHERE (
    fact.generator <> %s
    OR NOT EXISTS (
        SELECT FROM projects_file AS file
        WHERE file.organization_id = fact.organization_id AND file.blob = fact.blob
    )
) AND NOT EXISTS (
    SELECT FROM projects_run AS run
    WHERE run.organization_id = fact.organization_id AND run.kind = ANY(%s)
        AND run.status IN ('queued', 'waiting', 'running')
)
"""
COUNT_FACTS: Final = f"SELECT count(*) {_USELESS}"
DROP_FACTS: Final = f"DELETE {_USELESS}"


def past_manifests() -> QuerySet[Manifest]:
    """Return the superseded versions that are none of the last and that nobody names."""
    versions = Manifest.objects.filter(project=OuterRef("project")).exclude(state=ManifestState.BUILDING)
    first_kept = versions.order_by("-number").values("number")[KEPT_VERSIONS - 1 : KEPT_VERSIONS]
    rows: QuerySet[Manifest] = Manifest.objects.filter(
        *_named_by_nobody(), state=ManifestState.SUPERSEDED
    ).annotate(first_kept=Coalesce(Subquery(first_kept), 0))
    return rows.filter(number__lt=F("first_kept"))


def forgotten_manifests(now: dt.datetime) -> QuerySet[Manifest]:
    """Return the versions that were built a day ago and never published."""
    rows: QuerySet[Manifest] = Manifest.objects.filter(
        *_named_by_nobody(), state=ManifestState.BUILDING, updated_at__lt=now - UNPUBLISHED_FOR
    )
    return rows


def count_past(now: dt.datetime) -> int:
    """Count the versions whose documents can go."""
    return past_manifests().count() + forgotten_manifests(now).count() + _marked().count()


def drop_past(now: dt.datetime) -> int:
    """Drop the documents of versions that nobody needs; return how many.

    The row stays, pruned: its number and digest are never given again, and the same commit takes it up.
    """
    for rows in (past_manifests(), forgotten_manifests(now)):
        ids = list(rows.values_list("pk", flat=True))
        # Looked at again by the state: a publication may have taken a version up meanwhile.
        unneeded = Q(state__in=[ManifestState.SUPERSEDED, ManifestState.BUILDING])
        Manifest.objects.filter(unneeded, pk__in=ids).update(state=ManifestState.PRUNED)
    return sum(_drop_document(manifest_id) for manifest_id in _marked().values_list("pk", flat=True))


def _drop_document(manifest_id: uuid.UUID) -> int:
    with transaction.atomic():
        # Locked and looked at again: a publication may take the version up at this moment.
        manifest = _marked().select_for_update().filter(pk=manifest_id).first()
        if manifest is None:
            return 0
        default_storage.delete(manifest.storage_key)
        manifest.storage_key, manifest.size_bytes = "", 0
        # Last: killed in between, the row still says where to look.
        manifest.save(update_fields=["storage_key", "size_bytes", "updated_at"])
    return 1


def count_useless_facts(now: dt.datetime) -> int:
    """Count the facts that no published tree needs."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_FACTS, [GENERATOR, list(WRITING_KINDS)])
        count: int = cursor.fetchone()[0]
    return count


def drop_useless_facts(now: dt.datetime) -> int:
    """Delete the facts that no published tree needs: what is read again is learnt again."""
    with connection.cursor() as cursor:
        cursor.execute(DROP_FACTS, [GENERATOR, list(WRITING_KINDS)])
        count: int = cursor.rowcount
    return count


def _marked() -> QuerySet[Manifest]:
    rows: QuerySet[Manifest] = Manifest.objects.filter(state=ManifestState.PRUNED).exclude(storage_key="")
    return rows


def _named_by_nobody() -> tuple[Q, ...]:
    return tuple(Q(~Exists(model.objects.filter(manifest=OuterRef("pk")))) for model in (CodeJob, Proposal))


RULES: Final = (
    KeepingRule("projects.manifests", count=count_past, drop=drop_past),
    KeepingRule("projects.blob_facts", count=count_useless_facts, drop=drop_useless_facts),
)
